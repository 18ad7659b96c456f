"""A worker that loses PostgreSQL or its wake-ups refuses, or notices by polling."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from uuid import uuid4

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from bookly.books.models import Book
from bookly.db import BOOKLY_MIGRATIONS
from tests.faults.proxy import Proxy
from tests.faults.worker import FOR_EVER, Worker, working
from tests.http.conftest import bearer
from tests.servers import connections, end_connections
from tokenpair import Key, Keyring, TokenPair
from tokenpair.errors import Unavailable
from tokenpair.feed.postgres import PostgresWakeUp
from tokenpair.stores.sql import Database, SqlStorage, Timeouts
from tokenpair.stores.sql.pool import default_pool_size
from tokenpair.stores.sql.postgres.connection import Connector
from tokenpair.testing import a_user, login_as

POOL_SIZE = default_pool_size()

STALENESS = timedelta(seconds=1)
SHORT = Timeouts(unit=2)
"""Limits within which a slow machine answers, and which end the wait for a lost server soon."""

SECONDS = 60
"""Far longer than any request here takes, in seconds."""


@pytest.fixture(scope="module")
def keyring() -> Keyring:
    return Keyring([Key.generate()])


@pytest.fixture
async def elsewhere(busy_url: str, keyring: Keyring) -> AsyncIterator[Worker]:
    """Return the worker at which users log out."""
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
    return PostgresWakeUp(Connector(url).connect, silence_seconds=0.2)


async def until_it_says(worker: Worker, access: str, said: tuple[int, str]) -> set[tuple[int, str]]:
    """Wait for an answer, and return all answers until then."""
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
        # A poll on a busy machine may take longer than the copy may be used.
        to_begin = await until_it_says(worker, gone.access_token, OPEN)

        interrupt(proxy)
        await elsewhere.auth.log_out(gone.refresh_token)
        at_first = await until_it_says(worker, gone.access_token, UNAVAILABLE)
        cut_off = {await worker.says(pair.access_token) for pair in pairs for _ in range(20)}
        mend(proxy)
        afterwards = await until_it_says(worker, gone.access_token, ENDED)
        await until_it_says(worker, stays.access_token, OPEN)

    assert to_begin <= {UNAVAILABLE}
    assert at_first <= {OPEN}
    assert cut_off == {UNAVAILABLE}
    assert afterwards <= {UNAVAILABLE}


async def test_a_request_without_an_answer_is_a_503_and_keeps_no_connection(
    proxy: Proxy, keyring: Keyring
) -> None:
    """The server is unreachable: it answers nothing and closes no connection."""
    async with working(proxy.url, keyring, timeouts=SHORT) as worker:
        ada = await a_user(worker.auth)
        pairs = [await login_as(worker.auth, ada) for _ in range(2 * POOL_SIZE + 2)]
        some, last = pairs[:-2], pairs[-1]
        await ask_of_everybody(worker, pairs)  # So that all connections exist, and are idle.

        proxy.hang()
        async with asyncio.timeout(SECONDS):
            while_away = await ask_of_everybody(worker, some)
        proxy.mend_for_others()
        async with asyncio.timeout(SECONDS):
            afterwards = await ask_of_everybody(worker, [last])
            log_out = await worker.client.post("/auth/logout", headers=bearer(last.access_token))

    assert set(while_away) == {503}
    assert afterwards == [200, 200]
    assert log_out.status_code == 204


async def test_an_apps_own_statements_on_the_same_database_are_unavailable_too(
    proxy: Proxy,
) -> None:
    database = Database.from_url(proxy.url, migrations=[BOOKLY_MIGRATIONS], timeouts=SHORT)
    await database.open(migrate=True)

    async def all_at_once() -> list[int | BaseException]:
        uses = (database.reading, database.writing) * POOL_SIZE
        return await asyncio.gather(*(count(use) for use in uses), return_exceptions=True)

    async def count(use: Callable[[], AbstractAsyncContextManager[AsyncSession]]) -> int:
        async with use() as session:
            return (
                await session.execute(sa.select(sa.func.count()).select_from(Book))
            ).scalar_one()

    async with asyncio.timeout(SECONDS):
        before = await all_at_once()
        proxy.hang()
        while_away = await all_at_once()
        proxy.mend_for_others()
        afterwards = await all_at_once()
        await database.close()

    assert before == afterwards == [0] * 2 * POOL_SIZE
    assert {type(each) for each in while_away} == {Unavailable}


async def test_a_request_under_way_when_the_server_is_lost_does_not_wait_for_a_rollback(
    proxy: Proxy,
) -> None:
    """The time limit is over while no statement runs, and then the rollback is not answered."""
    storage = SqlStorage.from_url(proxy.url, timeouts=SHORT)
    await storage.open(migrate=True)

    async with asyncio.timeout(SECONDS):
        with pytest.raises(Unavailable):
            await be_busy(storage, proxy)
        proxy.mend_for_others()
        async with storage.begin() as tx:
            assert await tx.sessions.lock(uuid4(), uuid4()) is None
        await storage.close()


async def be_busy(storage: SqlStorage, proxy: Proxy) -> None:
    async with storage.begin() as tx:
        await tx.sessions.lock(uuid4(), uuid4())
        proxy.hang()
        await asyncio.Event().wait()


async def ask_of_everybody(worker: Worker, pairs: list[TokenPair]) -> list[int]:
    """Read and write; return the statuses."""
    client, headers = worker.client, [bearer(pair.access_token) for pair in pairs]
    answers = await asyncio.gather(
        *(client.get("/auth/sessions", headers=each) for each in headers),
        *(client.delete(f"/auth/sessions/{uuid4()}", headers=each) for each in headers),
    )
    return [200 if answer.status_code == 404 else answer.status_code for answer in answers]


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


async def test_a_listener_reconnects_when_its_connection_is_lost_silently(
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
    """Whether a request waits for its answer, or closes it meanwhile."""
    waits, closes = bell(proxy.url), bell(proxy.url)
    await waits.notify()
    await closes.notify()

    proxy.hang()
    async with asyncio.timeout(SECONDS):
        await closes.close()
        with pytest.raises(Unavailable):
            await waits.notify()
        proxy.mend()

        while connections(busy_url):
            await asyncio.sleep(0.01)
