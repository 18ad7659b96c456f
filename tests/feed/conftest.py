"""A feed, and another worker on the same storage."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from tests.feed.doubles import FOR_EVER, Seconds, SharedStorage
from tokenpair import AccessClaims, Auth, TokenPair
from tokenpair.feed import Feed
from tokenpair.testing import a_user, login_as, make_auth


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
    return elsewhere._parts.codec.decode_access(pair.access_token)
