"""A PgBouncer between a worker and PostgreSQL."""

import asyncio
from datetime import UTC, datetime

import asyncpg
import pytest
from pydantic import SecretStr

from tests.pgbouncer import pgbouncer
from tests.servers import PostgresServer
from tests.waiting import limit
from tokenpair import Condition, Settings
from tokenpair.backends import make_wake_up
from tokenpair.errors import ConfigurationError
from tokenpair.stores.sql import SqlStorage
from tokenpair.testing.store_contract import (
    FORGIVING,
    NOW,
    keep,
    make_session,
    make_token,
    make_user,
)

pytestmark = pytest.mark.long


@pytest.mark.parametrize("mode", ["transaction", "statement"])
async def test_a_pooler_that_shares_sessions_stops_the_start(
    postgres_server: PostgresServer, postgres_url: str, mode: str
) -> None:
    with pgbouncer(postgres_server, mode) as pooler:
        storage = SqlStorage.from_url(pooler.through(postgres_url))

        for migrate in (True, False):
            with pytest.raises(ConfigurationError, match="pool_mode=session"):
                await storage.open(migrate=migrate)

        await storage.close()


async def test_a_pooler_is_found_out_while_others_keep_it_busy(
    postgres_server: PostgresServer, postgres_url: str
) -> None:
    with pgbouncer(postgres_server, "transaction", size=4) as pooler:
        url = pooler.through(postgres_url)
        storage = SqlStorage.from_url(url)

        async def be_busy() -> None:
            connection = await asyncpg.connect(url)
            try:
                while True:
                    await connection.execute("SELECT pg_sleep(0.001)")
            finally:
                connection.terminate()

        busy = [asyncio.create_task(be_busy()) for _ in range(12)]
        await asyncio.sleep(0)
        for _ in range(10):
            with pytest.raises(ConfigurationError, match="pool_mode=session"):
                await storage.open(migrate=False)
        for task in busy:
            task.cancel()
        await asyncio.wait(busy)
        await storage.close()


async def test_a_pooler_that_keeps_sessions_does_not_matter(
    postgres_server: PostgresServer, postgres_url: str
) -> None:
    with pgbouncer(postgres_server, "session") as pooler:
        url = pooler.through(postgres_url)
        storage = SqlStorage.from_url(url)
        bell = make_wake_up(Settings(database_url=SecretStr(url)))
        assert bell is not None
        user = make_user()
        session = make_session(user)

        await storage.open(migrate=True)
        await keep(storage, user, session)
        assert await storage.session_state(session.user_id, session.id, NOW)
        assert all(
            await asyncio.gather(
                *(storage.renew(make_token(session), NOW, FORGIVING) for _ in range(10))
            )
        )
        await storage.read_feed(None)
        heard = 0
        async for _ in bell.notifications():
            heard += 1
            if heard == 2:
                break
            await bell.notify()
        health = await storage.health(datetime.now(UTC))
        await bell.close()
        await storage.close()

    assert health.database is Condition.OK
    assert health.reasons == ()


async def test_a_mode_that_changes_later_is_reported_by_health(
    postgres_server: PostgresServer, postgres_url: str
) -> None:
    with pgbouncer(postgres_server, "session") as pooler:
        storage = SqlStorage.from_url(pooler.through(postgres_url))
        await storage.open(migrate=True)

        pooler.reload("transaction")
        async with limit():
            while not (health := await storage.health(datetime.now(UTC))).reasons:
                await asyncio.sleep(0.05)
        await storage.close()

    assert health.database is Condition.FAILING
    assert "pool_mode=session" in health.reasons[0]
