"""A worker with an old copy of the revocations: what it lets through, and for how long."""

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from tests.feed.doubles import (
    FOR_EVER,
    MINUTE,
    Seconds,
    SharedStorage,
    SlowStorage,
    ask,
    until,
)
from tokenpair import AccessClaims, Auth, TokenPair
from tokenpair.errors import SessionEnded, Unavailable
from tokenpair.feed import Feed
from tokenpair.ports import FeedPage, FeedPosition


async def test_before_it_is_loaded_nothing_is_let_through(feed: Feed, claims: AccessClaims) -> None:
    with pytest.raises(Unavailable):
        feed.require_unrevoked(claims)


async def test_cut_off_it_guesses_for_five_seconds_and_no_longer(
    feed: Feed, storage: SharedStorage, seconds: Seconds, claims: AccessClaims
) -> None:
    await feed.poll()
    storage.is_away = True
    with pytest.raises(Unavailable):
        await feed.poll()

    seconds.now += 5
    feed.require_unrevoked(claims)
    seconds.now += 0.001

    with pytest.raises(Unavailable, match="not been read for too long"):
        feed.require_unrevoked(claims)


async def test_it_recovers_by_itself(
    feed: Feed, storage: SharedStorage, seconds: Seconds, claims: AccessClaims
) -> None:
    await feed.poll()
    storage.is_away = True
    seconds.now += 3600
    with pytest.raises(Unavailable):
        feed.require_unrevoked(claims)

    storage.is_away = False
    await feed.poll()

    feed.require_unrevoked(claims)


@pytest.fixture
async def sleeper(storage: SharedStorage, seconds: Seconds) -> AsyncIterator[Feed]:
    """Return the feed of a worker that stands still when `seconds` is set ahead.

    No pause of a minute ends.

    Its copy is current for ten minutes, and serves for an hour.
    """
    feed = Feed(storage, poll=MINUTE, max_staleness=60 * MINUTE, monotonic=seconds)
    await feed.start()
    yield feed
    await feed.stop()


@pytest.mark.parametrize(
    ("poll", "current"), [(0.05, 1.0), (0.25, 2.5), (2.0, 5.0)], ids=["sqlite", "usual", "slow"]
)
async def test_a_copy_is_current_for_ten_pauses_or_a_second(
    storage: SharedStorage, seconds: Seconds, claims: AccessClaims, poll: float, current: float
) -> None:
    feed = Feed(
        storage,
        poll=timedelta(seconds=poll),
        max_staleness=timedelta(seconds=5),
        monotonic=seconds,
    )
    await feed.poll()

    seconds.now += current
    feed.require_unrevoked(claims)
    seconds.now += 0.001

    with pytest.raises(Unavailable):
        feed.require_unrevoked(claims)


async def test_while_the_copy_is_current_no_request_looks(
    sleeper: Feed, storage: SharedStorage, seconds: Seconds, claims: AccessClaims
) -> None:
    looks = storage.looks
    seconds.now += 600

    sleeper.require_unrevoked(claims)
    await sleeper.catch_up()

    assert storage.looks == looks


@pytest.mark.parametrize("age", [601, 3601], ids=["old", "stale"])
async def test_a_worker_that_stood_still_looks_before_it_answers_once_for_all_who_wait(
    sleeper: Feed,
    storage: SharedStorage,
    seconds: Seconds,
    elsewhere: Auth,
    pair: TokenPair,
    claims: AccessClaims,
    age: int,
) -> None:
    await elsewhere.log_out(pair.access_token)
    looks = storage.looks
    seconds.now += age

    said = await asyncio.gather(*(ask(sleeper, claims) for _ in range(50)), return_exceptions=True)

    assert [type(each) for each in said] == [SessionEnded] * 50
    assert storage.looks == looks + 1


async def test_if_that_look_fails_the_copy_serves_until_it_is_too_old(
    sleeper: Feed, storage: SharedStorage, seconds: Seconds, claims: AccessClaims
) -> None:
    storage.is_away = True
    looks = storage.looks

    seconds.now += 601
    await ask(sleeper, claims)
    sleeper.require_unrevoked(claims)
    seconds.now += 2999
    await ask(sleeper, claims)
    seconds.now += 0.001

    with pytest.raises(Unavailable, match="not been read for too long"):
        await ask(sleeper, claims)
    assert storage.looks == looks + 2  # For a second after one that failed, no request looks again.


async def test_a_look_that_began_before_the_worker_stood_still_is_not_enough(
    seconds: Seconds, elsewhere: Auth, pair: TokenPair, claims: AccessClaims
) -> None:
    assert isinstance(elsewhere.storage, SharedStorage)
    slow = SlowStorage(elsewhere.storage)
    feed = Feed(slow, poll=MINUTE, max_staleness=60 * MINUTE, monotonic=seconds)
    slow.answer.set()
    await feed.start()
    slow.answer.clear()
    feed._is_due.set()
    await until(lambda: slow.asked == 2)

    seconds.now += 601
    await elsewhere.log_out(pair.access_token)
    asking = asyncio.create_task(ask(feed, claims))
    await asyncio.sleep(0)
    slow.answer.set()

    with pytest.raises(SessionEnded):
        await asking
    assert slow.asked == 3
    await feed.stop()


async def test_a_look_that_is_never_answered_is_waited_for_for_a_second(
    seconds: Seconds, elsewhere: Auth, claims: AccessClaims
) -> None:
    assert isinstance(elsewhere.storage, SharedStorage)
    slow = SlowStorage(elsewhere.storage)
    feed = Feed(slow, poll=MINUTE, max_staleness=60 * MINUTE, monotonic=seconds)
    slow.answer.set()
    await feed.start()
    slow.answer.clear()
    seconds.now += 601

    began = time.monotonic()
    await asyncio.gather(*(ask(feed, claims) for _ in range(50)))
    waited = time.monotonic() - began
    feed.require_unrevoked(claims)

    assert 0.99 < waited < 30
    await feed.stop()


async def test_a_request_that_gives_up_leaves_the_others_waiting(
    sleeper: Feed, seconds: Seconds, claims: AccessClaims
) -> None:
    seconds.now += 601
    impatient, patient = (asyncio.create_task(ask(sleeper, claims)) for _ in range(2))
    await asyncio.sleep(0)

    impatient.cancel()
    await asyncio.wait([impatient, patient])

    assert impatient.cancelled()
    assert patient.exception() is None


async def test_a_poll_counts_from_its_beginning(seconds: Seconds) -> None:
    """What was recorded while it was under way may not be in its answer."""

    class LongStorage(SharedStorage):
        async def read_feed(
            self, position: FeedPosition | None, *, reload: bool = False
        ) -> FeedPage:
            page = await super().read_feed(position, reload=reload)
            seconds.now += 4
            return page

    feed = Feed(LongStorage(), poll=FOR_EVER, max_staleness=timedelta(seconds=5), monotonic=seconds)

    await feed.poll()

    assert feed.staleness() == 4
