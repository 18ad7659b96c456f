"""A worker learns of revocations when it starts, at each poll and when it is woken."""

import asyncio
import time
from datetime import timedelta

import pytest

from tests.feed.doubles import (
    FOR_EVER,
    Bell,
    SharedStorage,
    SlowStorage,
    is_revoked,
    until,
)
from tests.waiting import limit
from tokenpair import AccessClaims, Auth, FeedOptions, Key, Keyring, TokenPair
from tokenpair.errors import SessionEnded, StaleToken, Unavailable
from tokenpair.feed import Feed
from tokenpair.feed.wake_ups import WakeUps
from tokenpair.stores.memory import MemoryStorage
from tokenpair.testing import FakeClock, a_user, login_as, make_auth


async def test_a_worker_that_starts_late_knows_what_was_revoked_before(
    feed: Feed, elsewhere: Auth, pair: TokenPair, claims: AccessClaims
) -> None:
    await elsewhere.log_out(pair.access_token)

    await feed.poll()

    assert is_revoked(feed, claims)


async def test_what_another_worker_revokes_is_known_after_the_next_poll(
    feed: Feed, elsewhere: Auth, pair: TokenPair, claims: AccessClaims
) -> None:
    await feed.poll()
    assert not is_revoked(feed, claims)

    await elsewhere.log_out(pair.access_token)
    await feed.poll()

    assert is_revoked(feed, claims)


async def test_changed_roles_make_older_tokens_stale(
    feed: Feed, elsewhere: Auth, claims: AccessClaims
) -> None:
    await feed.poll()

    await elsewhere.set_roles(claims.subject, frozenset({"admin"}))
    await feed.poll()

    with pytest.raises(StaleToken):
        feed.require_unrevoked(claims)


class FailingMonotonic:
    """A monotonic clock that a test can make fail, as a bug in the feed would."""

    def __init__(self) -> None:
        self.fails = False

    def __call__(self) -> float:
        if self.fails:
            raise LookupError
        return time.monotonic()


async def test_a_private_copy_that_missed_a_revocation_accepts_no_token() -> None:
    auth = make_auth()
    pair = await login_as(auth, await a_user(auth))
    claims = await auth.verify_access(pair.access_token)
    monotonic = FailingMonotonic()
    feed = Feed(auth.storage, poll=FOR_EVER, max_staleness=FOR_EVER, monotonic=monotonic)
    feed.require_unrevoked(claims)

    monotonic.fails = True
    await auth.log_out(pair.access_token)
    monotonic.fails = False

    assert not feed.is_fresh()
    with pytest.raises(Unavailable):
        feed.require_unrevoked(claims)


async def test_a_worker_knows_at_once_what_it_revokes_itself() -> None:
    auth = make_auth()
    pair = await login_as(auth, await a_user(auth))

    await auth.log_out(pair.access_token)

    with pytest.raises(SessionEnded):
        await auth.verify_access(pair.access_token)


async def test_it_polls_as_often_as_it_was_told_and_goes_on_after_an_outage(
    storage: SharedStorage, elsewhere: Auth, pair: TokenPair, claims: AccessClaims
) -> None:
    feed = Feed(storage, poll=timedelta(milliseconds=1), max_staleness=FOR_EVER)
    await feed.start()
    storage.is_away = True
    looks = storage.looks
    await until(lambda: storage.looks > looks + 3)

    storage.is_away = False
    await elsewhere.log_out(pair.access_token)

    await until(lambda: is_revoked(feed, claims))
    await feed.stop()


async def test_an_outage_is_logged_once(
    storage: SharedStorage, caplog: pytest.LogCaptureFixture
) -> None:
    feed = Feed(storage, poll=timedelta(milliseconds=1), max_staleness=FOR_EVER)
    await feed.start()

    storage.is_away = True
    looks = storage.looks
    await until(lambda: storage.looks > looks + 10)
    storage.is_away = False
    await until(lambda: "can be read again" in caplog.text)
    await feed.stop()

    assert caplog.text.count("cannot be read") == 1


async def test_a_waking_makes_the_next_poll_happen_now(
    storage: SharedStorage, elsewhere: Auth, pair: TokenPair, claims: AccessClaims
) -> None:
    bell = Bell()
    feed = Feed(storage, poll=FOR_EVER, max_staleness=FOR_EVER, wake_up=bell)
    await feed.start()
    await elsewhere.log_out(pair.access_token)

    bell.rung.set()

    await until(lambda: is_revoked(feed, claims))
    await feed.stop()


async def test_however_often_it_is_woken_it_looks_fifty_times_a_second_at_most(
    storage: SharedStorage,
) -> None:
    bell = Bell()
    feed = Feed(storage, poll=FOR_EVER, max_staleness=FOR_EVER, wake_up=bell)
    await feed.start()
    began, before = time.monotonic(), storage.looks

    async with limit():
        while storage.looks < before + 5:
            bell.rung.set()
            await asyncio.sleep(0)

    assert time.monotonic() - began >= 4 * 0.02
    await feed.stop()


async def test_what_a_worker_revokes_it_tells_the_others() -> None:
    bell = Bell()
    auth = Auth(
        storage=MemoryStorageOfMany(),
        keyring=Keyring([Key.generate()]),
        issuer="https://auth.test",
        clock=FakeClock(),
        feed_options=FeedOptions(wake_up=bell, poll=FOR_EVER),
    )
    async with auth:
        pair = await login_as(auth, await a_user(auth))
        told = bell.woken

        await auth.log_out(pair.access_token)

        await until(lambda: bell.woken > told)


class MemoryStorageOfMany(MemoryStorage):
    """One that others could write to."""

    is_private = False


async def test_without_its_bell_everything_still_works(
    storage: SharedStorage, elsewhere: Auth, pair: TokenPair, claims: AccessClaims
) -> None:
    bell = Bell()
    bell.is_broken = True
    feed = Feed(storage, poll=timedelta(milliseconds=1), max_staleness=FOR_EVER, wake_up=bell)
    await feed.start()

    await elsewhere.log_out(pair.access_token)

    await until(lambda: is_revoked(feed, claims))
    await feed.stop()


async def test_a_bell_that_stays_away_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    bell, polls = Bell(), list[int]()
    bell.is_broken = True
    wake_ups = WakeUps(bell, poll_now=lambda: polls.append(1), retry_seconds=0)
    tasks = wake_ups.start()

    await until(lambda: bell.attempts > 10)
    bell.is_broken = False
    await until(lambda: bool(polls))
    for task in tasks:
        task.cancel()

    assert caplog.messages == [
        "wake-ups cannot be received: no bell",
        "wake-ups can be received again",
    ]


async def test_it_tells_how_old_news_was(feed: Feed, elsewhere: Auth, pair: TokenPair) -> None:
    await feed.poll()

    await elsewhere.log_out(pair.access_token)
    await feed.poll()
    await feed.poll()

    assert feed.heard == len(feed.lags) == 1
    assert 0 <= feed.lags[0] < 10


async def test_what_it_finds_when_it_starts_is_no_news(
    feed: Feed, elsewhere: Auth, pair: TokenPair
) -> None:
    """Else each start would look like a revocation that took minutes to arrive."""
    await elsewhere.log_out(pair.access_token)

    await feed.poll()

    assert (feed.heard, len(feed.lags), len(feed)) == (0, 0, 1)


async def test_it_starts_and_stops_twice(storage: SharedStorage) -> None:
    feed = Feed(storage, poll=FOR_EVER, max_staleness=FOR_EVER, wake_up=Bell())

    for _ in range(2):
        await feed.start()
        await feed.start()
    for _ in range(2):
        await feed.stop()

    assert storage.looks == 1


async def test_what_has_happened_while_it_was_stopped_is_known_when_it_starts_again(
    feed: Feed, storage: SharedStorage, elsewhere: Auth, pair: TokenPair, claims: AccessClaims
) -> None:
    await feed.start()
    await feed.stop()
    storage.overlooked.add(claims.session_id)
    await elsewhere.log_out(pair.access_token)

    await feed.start()

    assert is_revoked(feed, claims)
    assert feed.heard == 0
    await feed.stop()


async def test_a_start_beside_a_start_leaves_no_second_poller(storage: SharedStorage) -> None:
    slow = SlowStorage(storage)
    feed = Feed(slow, poll=FOR_EVER, max_staleness=FOR_EVER)
    others = asyncio.all_tasks()

    starting = [asyncio.create_task(feed.start()) for _ in range(2)]
    await until(lambda: slow.asked == 2)
    slow.answer.set()
    await asyncio.gather(*starting)
    await feed.stop()

    assert asyncio.all_tasks() == others
