"""PostgreSQL in trouble: requests get a 503 in time, and no client is logged out."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import LiteralString
from uuid import UUID, uuid4

import httpx2
import psycopg
import pytest
import sqlalchemy as sa

from tests.faults.worker import Worker, working
from tests.http.conftest import bearer, told
from tests.servers import PostgresServer, connections, end_connections
from tests.waiting import limit
from tokenpair import Key, Keyring, TokenPair
from tokenpair.errors import Unavailable
from tokenpair.stores.sql import SqlStorage, create_engine
from tokenpair.stores.sql.pool import default_pool_size
from tokenpair.stores.sql.tables import session_table
from tokenpair.testing import FakeClock, a_user, login_as
from tokenpair.testing.store_contract import FORGIVING, NOW, make_session, make_token, make_user

POOL_SIZE = default_pool_size()

UNAVAILABLE = (503, "unavailable")


@pytest.fixture(scope="module")
def keyring() -> Keyring:
    return Keyring([Key.generate()])


@pytest.fixture
async def worker(busy_url: str, keyring: Keyring) -> AsyncIterator[Worker]:
    async with working(busy_url, keyring) as worker:
        yield worker


async def log_in(worker: Worker, number: int) -> list[TokenPair]:
    ada = await a_user(worker.auth)
    return [await login_as(worker.auth, ada) for _ in range(number)]


def session_of(worker: Worker, pair: TokenPair) -> UUID:
    return worker.auth._parts.codec.decode_refresh(pair.refresh_token).session_id


@asynccontextmanager
async def row_held(url: str, session_id: UUID) -> AsyncIterator[None]:
    """Lock a session's row, as an operator may who reads it by hand."""
    async with await psycopg.AsyncConnection.connect(url) as connection:
        await connection.execute(
            "SELECT 1 FROM tokenpair_session WHERE id = %s FOR UPDATE", [session_id]
        )
        yield


async def test_connections_that_are_cut_repeatedly_log_no_client_out(
    worker: Worker, busy_url: str
) -> None:
    pairs = await log_in(worker, 30)
    refusals: list[tuple[int, str]] = []

    async def renew_until_it_has_worked_five_times(pair: TokenPair) -> None:
        token, access, worked = pair.refresh_token, pair.access_token, 0
        while worked < 5:
            answer = await worker.renew(token)
            if answer.status_code == 200:
                token, worked = answer.json()["refresh_token"], worked + 1
            me = await worker.client.get("/auth/me", headers=bearer(access))
            refusals.extend(told(each) for each in (answer, me) if each.status_code != 200)
            await asyncio.sleep(0.01)

    async def cut() -> None:
        while True:
            await asyncio.to_thread(end_connections, busy_url)
            await asyncio.sleep(0.05)

    cutting = asyncio.create_task(cut())
    async with limit():
        await asyncio.gather(*map(renew_until_it_has_worked_five_times, pairs))
    cutting.cancel()
    await asyncio.wait([cutting])

    assert set(refusals) <= {UNAVAILABLE}
    assert [await worker.says(pair.access_token) for pair in pairs] == [(200, "")] * 30


async def test_a_request_that_waits_for_a_row_gets_a_503_and_delays_others_only_briefly(
    worker: Worker, busy_url: str
) -> None:
    held, free = await log_in(worker, 2)
    url = "/auth/logout"

    async with row_held(busy_url, session_of(worker, held)):
        async with limit():
            waiting = [asyncio.create_task(worker.renew(held.refresh_token)) for _ in range(12)]
            log_out = worker.client.post(url, headers=bearer(held.access_token))
            answers = await asyncio.gather(*waiting, log_out)
            other = await worker.renew(free.refresh_token)
        opened = connections(busy_url)
    later = [await worker.renew(held.refresh_token) for _ in range(12)]

    assert [told(answer) for answer in answers] == [UNAVAILABLE] * 13
    assert other.status_code == 200
    # Two engines, the renewals, and the connections of a worker itself: feed and wake-ups.
    assert opened <= 3 * POOL_SIZE + 3
    assert [answer.status_code for answer in later] == [200] * 12


async def test_when_all_connections_are_taken_renewals_and_tokens_still_serve(
    worker: Worker, busy_url: str
) -> None:
    pair, other = await log_in(worker, 2)
    storage = worker.auth.storage

    async with AsyncExitStack() as taken:
        for _ in range(POOL_SIZE):
            await taken.enter_async_context(storage.begin())
        log_out = asyncio.create_task(
            worker.client.post("/auth/logout", headers=bearer(pair.access_token))
        )
        said = await worker.says(pair.access_token)
        renewed = await worker.renew(other.refresh_token)
        async with limit():
            refused = await log_out
    again = await worker.client.post("/auth/logout", headers=bearer(pair.access_token))

    assert said == (200, "")
    assert renewed.status_code == 200
    assert told(refused) == UNAVAILABLE
    assert refused.headers["retry-after"]
    assert again.status_code == 204
    assert connections(busy_url) <= 3 * POOL_SIZE + 3


async def test_who_only_reads_waits_no_longer_either_and_holds_up_no_other_request(
    busy_url: str, keyring: Keyring
) -> None:
    """As during a migration or a `VACUUM FULL`, which lock the table."""
    async with working(busy_url, keyring, max_staleness=timedelta(seconds=4)) as worker:
        (pair,) = await log_in(worker, 1)
        said = set()

        async def look() -> None:
            with pytest.raises(Unavailable):
                await worker.auth.verify_access(pair.access_token, check_session=True)

        async with await psycopg.AsyncConnection.connect(busy_url) as connection:
            await connection.execute("LOCK TABLE tokenpair_session IN ACCESS EXCLUSIVE MODE")
            async with limit():
                looking = asyncio.gather(*(look() for _ in range(POOL_SIZE)))
                while not looking.done():
                    said.add(await worker.says(pair.access_token))
                    await asyncio.sleep(0.05)
                await looking

    assert said == {(200, "")}


@pytest.mark.parametrize("database", ["sqlite", "postgres"])
@pytest.mark.parametrize("lost", [1, 2, 3])
async def test_a_row_that_loses_renewals_does_not_log_an_honest_client_out(
    request: pytest.FixtureRequest, tmp_path: Path, keyring: Keyring, database: str, lost: int
) -> None:
    """As after a fail-over to a server that is behind."""
    is_sqlite = database == "sqlite"
    url = f"sqlite:///{tmp_path}/a.db" if is_sqlite else request.getfixturevalue("busy_url")
    clock = FakeClock(datetime.now().astimezone())
    async with working(url, keyring, clock=clock) as worker:
        (pair,) = await log_in(worker, 1)
        session_id = session_of(worker, pair)
        rows, token = [], pair.refresh_token
        for _ in range(4):
            rows.append(await read_row(url, session_id))
            clock.advance(minutes=3)
            token = (await worker.renew(token)).json()["refresh_token"]

        await write_row(url, session_id, rows[-lost])
        answers: list[httpx2.Response] = []
        for _ in range(3):
            clock.advance(minutes=3)
            answers.append(await worker.renew(token))
            token = answers[-1].json()["refresh_token"]
        row = await read_row(url, session_id)

    assert [answer.status_code for answer in answers] == [200] * 3
    assert row["generation"] == 7


COLUMNS = ("head", "previous", "generation", "rotated_at", "seen_at")


async def read_row(url: str, session_id: UUID) -> dict[str, object]:
    engine = create_engine(url)
    query = sa.select(*(session_table.c[name] for name in COLUMNS))
    async with engine.begin() as connection:
        row = (await connection.execute(query.where(session_table.c.id == session_id))).one()
    await engine.dispose()
    return dict(row._mapping)


async def write_row(url: str, session_id: UUID, row: dict[str, object]) -> None:
    engine = create_engine(url)
    change = session_table.update().where(session_table.c.id == session_id).values(row)
    async with engine.begin() as connection:
        await connection.execute(change)
    await engine.dispose()


async def test_a_role_that_may_not_connect_any_more_is_unavailable(postgres_url: str) -> None:
    """As after a change of the password, or during maintenance."""
    execute(postgres_url, "CREATE ROLE lodger LOGIN", "GRANT ALL ON SCHEMA public TO lodger")
    storage = SqlStorage.from_url(postgres_url.replace("//postgres@", "//lodger@"))
    await storage.open(migrate=True)
    try:
        execute(postgres_url, "ALTER ROLE lodger NOLOGIN")
        end_connections(postgres_url)
        await nothing_is_available(storage)
    finally:
        await storage.close()
        execute(postgres_url, "DROP OWNED BY lodger", "DROP ROLE lodger")


async def test_a_dropped_database_is_unavailable(postgres_server: PostgresServer) -> None:
    """As during a restore, which has dropped it and not yet created it."""
    url = postgres_server.create_database()
    storage = SqlStorage.from_url(url)
    await storage.open(migrate=True)

    postgres_server.drop_database(url)

    await nothing_is_available(storage)
    await storage.close()


async def nothing_is_available(storage: SqlStorage) -> None:
    for ask in (
        storage.renew(make_token(make_session(make_user())), NOW, FORGIVING),
        storage.session_state(uuid4(), uuid4(), NOW),
        storage.read_feed(None),
    ):
        with pytest.raises(Unavailable):
            await ask


def execute(url: str, *statements: LiteralString) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement)
