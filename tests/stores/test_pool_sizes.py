"""The number of connections that a worker opens is a setting."""

import asyncio
from pathlib import Path

import psycopg
import pytest
from pydantic import SecretStr

from bookly.app import create_app
from bookly.settings import BooklySettings
from tests.servers import connections
from tests.storages import PATIENT
from tests.waiting import limit
from tokenpair import Settings
from tokenpair.backends import make_storage
from tokenpair.machine import usable_cores
from tokenpair.stores.sql import SqlStorage, create_engine
from tokenpair.stores.sql.pool import default_pool_size
from tokenpair.testing.store_contract import (
    FORGIVING,
    NOW,
    keep,
    make_session,
    make_token,
    make_user,
)


async def test_a_worker_opens_no_more_connections_than_its_pool_size_says(
    postgres_url: str,
) -> None:
    # Without time limits: the server counts a connection that was given up for a while.
    storage = SqlStorage.from_url(postgres_url, pool_size=2, timeouts=PATIENT)
    user = make_user()
    sessions = [make_session(user) for _ in range(8)]
    await storage.open(migrate=True)
    await keep(storage, user, *sessions)
    # Each renewal and each transaction waits for the row, and keeps its connection meanwhile.
    async with await psycopg.AsyncConnection.connect(postgres_url) as lock:
        await lock.execute("SELECT 1 FROM tokenpair_user, tokenpair_session FOR UPDATE")

        async def write() -> None:
            async with storage.begin() as tx:
                await tx.users.lock(user.id)

        work = asyncio.gather(
            *(storage.renew(make_token(session), NOW, FORGIVING) for session in sessions),
            *(write() for _ in sessions),
            *(storage.session_state(session.user_id, session.id, NOW) for session in sessions),
        )
        async with limit():
            while await asyncio.to_thread(connections, postgres_url) < 1 + 3 * 2:
                await asyncio.sleep(0.01)
        most = await asyncio.to_thread(connections, postgres_url)
    async with limit():
        await work
    await storage.close()

    assert most == 1 + 3 * 2  # The lock's own, and three pools.


def test_the_setting_is_the_pool_size_of_the_storage(postgres_url: str, tmp_path: Path) -> None:
    settings = Settings(
        database_url=SecretStr(postgres_url), database_pool_size=2, data_dir=tmp_path
    )

    storage = make_storage(settings)

    assert isinstance(storage, SqlStorage)
    assert storage._backend.engine.pool.size() == 2  # type: ignore[attr-defined]  # A pool of SQLAlchemy's usual kind.


def test_the_setting_is_that_of_an_apps_own_pool_too(tmp_path: Path) -> None:
    auth = Settings(data_dir=tmp_path, database_pool_size=3)
    app = create_app(BooklySettings(host="127.0.0.1", port=0, auth=auth))

    assert app.state.database.engine.pool.size() == 3


@pytest.mark.parametrize("autocommit", [False, True])
def test_without_the_setting_the_cores_of_the_process_decide(
    tmp_path: Path, autocommit: bool
) -> None:
    engine = create_engine(f"sqlite:///{tmp_path}/a.db", autocommit=autocommit)

    assert engine.pool.size() == default_pool_size() == min(10, 4 + 2 * usable_cores())  # type: ignore[attr-defined]  # A pool of SQLAlchemy's usual kind.
