"""A worker that cannot reach PostgreSQL any more, or is not told of news, refuses or finds out."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import timedelta

import pytest

from tests.faults.proxy import Proxy
from tests.faults.worker import FOR_EVER, Worker, working
from tests.servers import connections, end_connections
from tokenpair import Key, Keyring, TokenPair
from tokenpair.errors import Unavailable
from tokenpair.feed.postgres import PostgresWakeUp
from tokenpair.stores.sql.postgres import connect_arguments
from tokenpair.testing import a_user, login_as

STALENESS = timedelta(seconds=1)
SECONDS = 30
"""Far more than anything here takes."""


@pytest.fixture(scope="module")
def keyring() -> Keyring:
    return Keyring([Key.generate()])


@pytest.fixture
async def elsewhere(busy_url: str, keyring: Keyring) -> AsyncIterator[Worker]:
    """Give the worker at which people log out."""
    async with working(busy_url, keyring, wake_up=bell(busy_url)) as worker:
        yield worker


@pytest.fixture
async def pairs(elsewhere: Worker) -> list[TokenPair]:
    ada = await a_user(elsewhere.auth)
    return [await login_as(elsewhere.auth, ada) for _ in range(2)]


@pytest.fixture
async def proxy(busy_url: str) -> AsyncIterator[Proxy]:
    async with Proxy.to(busy_url) as proxy:
        yield proxy


def bell(url: str) -> PostgresWakeUp:
    return PostgresWakeUp(connect_arguments(url), silence_seconds=0.2)


async def until_it_says(worker: Worker, access: str, said: tuple[int, str]) -> set[tuple[int, str]]:
    """Wait for an answer, and give all others that came until then."""
    before = set()
    async with asyncio.timeout(SECONDS):
        while (now := await worker.says(access)) != said:
            before.add(now)
            await asyncio.sleep(0.01)
    return before


ENDED, UNAVAILABLE, OPEN = (401, "session_ended"), (503, "unavailable"), (200, "")


@pytest.mark.parametrize(
    ("interrupt", "mend"),
    [
        (Proxy.cut, Proxy.mend),
        (Proxy.hang, Proxy.mend),
        (Proxy.hang, Proxy.mend_for_others),
    ],
    ids=["cut", "hanging", "connections-lost"],
)
async def test_a_worker_that_is_cut_off_refuses_until_it_knows(
    elsewhere: Worker,
    keyring: Keyring,
    proxy: Proxy,
    pairs: list[TokenPair],
    interrupt: Callable[[Proxy], None],
    mend: Callable[[Proxy], None],
) -> None:
    gone, stays = pairs
    async with working(proxy.url, keyring, max_staleness=STALENESS) as worker:
        assert await worker.says(gone.access_token) == OPEN

        interrupt(proxy)
        await elsewhere.auth.log_out(gone.refresh_token)
        at_first = await until_it_says(worker, gone.access_token, UNAVAILABLE)
        cut_off = {await worker.says(pair.access_token) for pair in pairs for _ in range(20)}
        mend(proxy)
        afterwards = await until_it_says(worker, gone.access_token, ENDED)
        await until_it_says(worker, stays.access_token, OPEN)

    assert at_first <= {OPEN}
    assert cut_off == {UNAVAILABLE}
    assert afterwards <= {UNAVAILABLE}


async def test_without_a_poll_a_log_out_still_reaches_the_others(
    elsewhere: Worker, busy_url: str, keyring: Keyring, pairs: list[TokenPair]
) -> None:
    async with working(busy_url, keyring, wake_up=bell(busy_url), poll=FOR_EVER) as worker:
        assert await worker.says(pairs[0].access_token) == OPEN

        await elsewhere.auth.log_out(pairs[0].refresh_token)

        assert await until_it_says(worker, pairs[0].access_token, ENDED) <= {OPEN}


async def test_a_listener_that_is_cut_off_comes_back(
    elsewhere: Worker, busy_url: str, keyring: Keyring, pairs: list[TokenPair]
) -> None:
    async with working(busy_url, keyring, wake_up=bell(busy_url), poll=FOR_EVER) as worker:
        for pair in pairs:
            end_connections(busy_url)

            await elsewhere.auth.log_out(pair.refresh_token)

            assert await until_it_says(worker, pair.access_token, ENDED) <= {OPEN}


async def test_a_listener_whose_connection_is_lost_without_a_word_comes_back(
    elsewhere: Worker, busy_url: str, proxy: Proxy, keyring: Keyring, pairs: list[TokenPair]
) -> None:
    async with working(busy_url, keyring, wake_up=bell(proxy.url), poll=FOR_EVER) as worker:
        assert await worker.says(pairs[0].access_token) == OPEN

        proxy.hang()
        await elsewhere.auth.log_out(pairs[0].refresh_token)
        proxy.mend_for_others()

        assert await until_it_says(worker, pairs[0].access_token, ENDED) <= {OPEN}


async def test_a_teller_that_is_not_heard_lets_go_of_its_connection(
    busy_url: str, proxy: Proxy
) -> None:
    """Whether somebody waits for its answer, or closes it meanwhile."""
    waits, closes = bell(proxy.url), bell(proxy.url)
    await waits.wake()
    await closes.wake()

    proxy.hang()
    async with asyncio.timeout(SECONDS):
        await closes.close()
        with pytest.raises(Unavailable):
            await waits.wake()
        proxy.mend()

        while connections(busy_url):
            await asyncio.sleep(0.01)
