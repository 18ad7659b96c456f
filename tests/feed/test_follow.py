"""A worker and its copy of what has been revoked: loaded, polled, woken, cut off."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from tests.waiting import limit
from tokenpair import AccessClaims, Auth, Key, Keyring, TokenPair
from tokenpair.core.sessions.revocation import KEPT, MARGIN, Revocation
from tokenpair.core.tokens.lifetimes import ACCESS
from tokenpair.errors import SessionEnded, StaleToken, Unavailable
from tokenpair.feed import Feed
from tokenpair.ports import FeedPage, FeedPosition, Storage
from tokenpair.stores.memory import MemoryStorage
from tokenpair.testing import FakeClock, a_user, login_as, make_auth
from tokenpair.testing.store_contract import NOW

FOR_EVER = timedelta(days=1)
MINUTE = timedelta(minutes=1)
LASTING = (ACCESS + MARGIN).total_seconds()


class SharedStorage(MemoryStorage):
    """One that others write to, too. It can be cut off, and overlook what it is told to."""

    is_private = False

    def __init__(self) -> None:
        super().__init__()
        self.is_away = False
        self.overlooked: set[UUID] = set()
        self.looks = 0

    def listen(self, hear: Callable[[Sequence[Revocation]], None]) -> None:
        """Tell nobody: what is heard here, another process has done."""

    async def read_feed(self, position: FeedPosition | None, *, reload: bool = False) -> FeedPage:
        self.looks += 1
        if self.is_away:
            raise Unavailable("cut off")
        page = await super().read_feed(position, reload=reload)
        if reload:
            return page
        kept = [each for each in page.entries if each.session_id not in self.overlooked]
        return FeedPage(entries=kept, position=page.position, now=page.now)


class LateStorage(SharedStorage):
    """Another one's storage, some time later: a reload has only what is in force by then."""

    def __init__(self, storage: SharedStorage) -> None:
        super().__init__()
        self.storage = storage
        self.by = timedelta(0)

    async def read_feed(self, position: FeedPosition | None, *, reload: bool = False) -> FeedPage:
        page = await self.storage.read_feed(position, reload=reload)
        now = page.now + self.by
        kept = KEPT if position is None else timedelta(0)
        entries = [each for each in page.entries if each.until > now - kept]
        return FeedPage(entries=entries, position=page.position, now=now)


class SlowStorage(SharedStorage):
    """Another one's storage, whose answers wait: what they say is what was so when it was asked."""

    def __init__(self, storage: SharedStorage) -> None:
        super().__init__()
        self.storage = storage
        self.answer = asyncio.Event()
        self.asked = 0

    async def read_feed(self, position: FeedPosition | None, *, reload: bool = False) -> FeedPage:
        self.asked += 1
        page = await self.storage.read_feed(position, reload=reload)
        await self.answer.wait()
        return page


class Seconds:
    """A monotonic clock that moves when it is told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Bell:
    """A `WakeUp` that is rung by hand, and may be broken."""

    def __init__(self) -> None:
        self.rung = asyncio.Event()
        self.is_broken = False
        self.woken = 0

    async def wake(self) -> None:
        if self.is_broken:
            raise Unavailable("no bell")
        self.woken += 1

    async def wakings(self) -> AsyncIterator[None]:
        if self.is_broken:
            raise Unavailable("no bell")
        yield
        while True:
            await self.rung.wait()
            self.rung.clear()
            yield

    async def close(self) -> None: ...


@pytest.fixture
def storage() -> SharedStorage:
    return SharedStorage()


@pytest.fixture
def seconds() -> Seconds:
    return Seconds()


@pytest.fixture
def feed(storage: SharedStorage, seconds: Seconds) -> Feed:
    return Feed(storage, poll=FOR_EVER, max_staleness=timedelta(seconds=5), monotonic=seconds)


@pytest.fixture
async def elsewhere(storage: SharedStorage) -> AsyncIterator[Auth]:
    """Another worker, on the same storage."""
    async with make_auth(storage=storage) as auth:
        yield auth


@pytest.fixture
async def pair(elsewhere: Auth) -> TokenPair:
    return await login_as(elsewhere, await a_user(elsewhere))


@pytest.fixture
async def claims(elsewhere: Auth, pair: TokenPair) -> AccessClaims:
    return elsewhere._codec.decode_access(pair.access_token)


def is_revoked(feed: Feed, claims: AccessClaims) -> bool:
    try:
        feed.require_unrevoked(claims)
    except (SessionEnded, StaleToken):
        return True
    return False


async def until(condition: Callable[[], bool]) -> None:
    async with limit():
        while not condition():
            await asyncio.sleep(0)


async def test_before_it_is_loaded_nothing_is_let_through(feed: Feed, claims: AccessClaims) -> None:
    with pytest.raises(Unavailable):
        feed.require_unrevoked(claims)


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


async def test_a_worker_knows_at_once_what_it_revokes_itself() -> None:
    auth = make_auth()
    pair = await login_as(auth, await a_user(auth))

    await auth.log_out(pair.access_token)

    with pytest.raises(SessionEnded):
        await auth.verify_access(pair.access_token)


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


async def ask(feed: Feed, claims: AccessClaims) -> None:
    """Check as a request does."""
    try:
        feed.require_unrevoked(claims)
    except Unavailable:
        await feed.catch_up()
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
    feed._news.set()
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


async def test_what_a_poll_has_missed_is_found_within_a_minute(
    feed: Feed,
    storage: SharedStorage,
    seconds: Seconds,
    elsewhere: Auth,
    pair: TokenPair,
    claims: AccessClaims,
) -> None:
    await feed.poll()
    storage.overlooked.add(claims.session_id)
    await elsewhere.log_out(pair.access_token)
    seconds.now += 59
    await feed.poll()
    assert not is_revoked(feed, claims)

    seconds.now += 1
    await feed.poll()

    assert is_revoked(feed, claims)


async def test_after_a_look_that_failed_everything_is_read(
    feed: Feed, storage: SharedStorage, elsewhere: Auth, pair: TokenPair, claims: AccessClaims
) -> None:
    """Whatever was away may come back with a history of its own."""
    await feed.poll()
    storage.overlooked.add(claims.session_id)
    await elsewhere.log_out(pair.access_token)
    await feed.poll()
    assert not is_revoked(feed, claims)

    storage.is_away = True
    with pytest.raises(Unavailable):
        await feed.poll()
    storage.is_away = False
    await feed.poll()

    assert is_revoked(feed, claims)


async def test_what_is_out_of_force_is_dropped_once_a_minute(
    storage: SharedStorage, seconds: Seconds, elsewhere: Auth, pair: TokenPair
) -> None:
    """And not at every look: to go through all of it takes a while."""

    late = LateStorage(storage)
    feed = Feed(late, poll=FOR_EVER, max_staleness=FOR_EVER, monotonic=seconds)
    await elsewhere.log_out(pair.access_token)
    await feed.poll()

    late.by = timedelta(hours=2)
    seconds.now += LASTING - 1
    await feed.poll()
    seconds.now += 59
    await feed.poll()
    kept = len(feed)
    seconds.now += 1
    await feed.poll()

    assert (kept, len(feed)) == (1, 0)


async def test_a_storages_clock_that_is_an_hour_ahead_for_two_minutes_makes_it_forget_nothing(
    storage: SharedStorage,
    seconds: Seconds,
    elsewhere: Auth,
    pair: TokenPair,
    claims: AccessClaims,
) -> None:
    late = LateStorage(storage)
    feed = Feed(late, poll=FOR_EVER, max_staleness=FOR_EVER, monotonic=seconds)
    await elsewhere.log_out(pair.access_token)
    await feed.poll()

    late.by = timedelta(hours=1)
    for _ in range(3):
        seconds.now += 60
        await feed.poll()
        assert is_revoked(feed, claims)
    late.by = timedelta(0)
    seconds.now += 60
    await feed.poll()

    assert is_revoked(feed, claims)


async def test_what_was_forgotten_and_is_read_again_is_no_news(
    storage: SharedStorage, seconds: Seconds, elsewhere: Auth, pair: TokenPair
) -> None:
    """After a look that failed everything is read, also what was recorded hours ago."""
    late = LateStorage(storage)
    feed = Feed(late, poll=FOR_EVER, max_staleness=FOR_EVER, monotonic=seconds)
    await feed.poll()
    late.by = timedelta(hours=2)
    await elsewhere.log_out(pair.access_token)

    storage.is_away = True
    with pytest.raises(Unavailable):
        await feed.poll()
    storage.is_away = False
    await feed.poll()

    assert (feed.heard, len(feed.lags), len(feed)) == (0, 0, 1)


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
        wake_up=bell,
        poll=FOR_EVER,
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


async def test_a_storage_of_our_own_is_not_polled_and_forgets_all_the_same(
    seconds: Seconds,
) -> None:
    feed = Feed(MemoryStorage(), poll=FOR_EVER, max_staleness=FOR_EVER, monotonic=seconds)
    first, second = (
        Revocation(session_id=uuid4(), recorded_at=NOW + late, until=NOW + late + FOR_EVER)
        for late in (timedelta(0), 2 * FOR_EVER)
    )

    feed._hear([first])
    seconds.now += LASTING
    feed._hear([second])

    assert len(feed) == 1


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


class ClosingStorage(SharedStorage):
    """One that remembers that it was closed."""

    is_closed = False

    async def close(self) -> None:
        self.is_closed = True


class BadBell(Bell):
    """One that is closed as it is told, which may be never."""

    def __init__(self, farewell: Callable[[], Awaitable[None]]) -> None:
        super().__init__()
        self.farewell = farewell
        self.is_closing = False

    async def close(self) -> None:
        self.is_closing = True
        await self.farewell()


async def refuse() -> None:
    raise ConnectionResetError


async def never_end() -> None:
    await asyncio.Event().wait()


def with_bell(storage: Storage, bell: Bell) -> Auth:
    keyring = Keyring([Key.generate()])
    return Auth(storage=storage, keyring=keyring, issuer="https://auth.test", wake_up=bell)


@pytest.mark.parametrize("farewell", [refuse, never_end])
async def test_whatever_becomes_of_its_bell_the_storage_is_closed(
    farewell: Callable[[], Awaitable[None]],
) -> None:
    storage = ClosingStorage()
    auth = with_bell(storage, BadBell(farewell))
    await auth.open()

    async with limit():
        await auth.close()

    assert storage.is_closed


async def test_who_loses_patience_with_the_end_closes_the_storage_all_the_same() -> None:
    """As a server does with a worker that does not stop."""
    storage, bell = ClosingStorage(), BadBell(never_end)
    auth = with_bell(storage, bell)
    await auth.open()
    closing = asyncio.create_task(auth.close())
    await until(lambda: bell.is_closing)

    closing.cancel()
    await asyncio.wait([closing])

    assert storage.is_closed
