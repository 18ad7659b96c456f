"""What a worker reads again, and when it drops what is out of force."""

from datetime import timedelta
from uuid import uuid4

import pytest

from tests.feed.doubles import FOR_EVER, LASTING, LateStorage, Seconds, SharedStorage, is_revoked
from tokenpair import AccessClaims, Auth, TokenPair
from tokenpair.core.sessions.revocation import Revocation
from tokenpair.errors import Unavailable
from tokenpair.feed import Feed
from tokenpair.stores.memory import MemoryStorage
from tokenpair.testing.store_contract import NOW


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
    """A database that was unreachable may come back with another history."""
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


async def test_a_storage_of_our_own_is_not_polled_and_forgets_all_the_same(
    seconds: Seconds,
) -> None:
    feed = Feed(MemoryStorage(), poll=FOR_EVER, max_staleness=FOR_EVER, monotonic=seconds)
    first, second = (
        Revocation(session_id=uuid4(), recorded_at=NOW + late, until=NOW + late + FOR_EVER)
        for late in (timedelta(0), 2 * FOR_EVER)
    )

    feed._apply_own([first])
    seconds.now += LASTING
    feed._apply_own([second])

    assert len(feed) == 1
