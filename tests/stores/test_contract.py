"""Every storage of ours keeps every promise of the port."""

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from tests.servers import PostgresServer
from tokenpair.core.health import Condition
from tokenpair.ports import Storage
from tokenpair.store_contract import StorageContract, keep, make_session, make_user, read_session
from tokenpair.stores.memory import MemoryStorage
from tokenpair.stores.sql import SqlStorage, create_engine
from tokenpair.stores.sql.tables import revocation_table, user_table


class TestMemory(StorageContract):
    @pytest.fixture
    async def storage(self) -> AsyncIterator[Storage]:
        storage = MemoryStorage()
        await storage.open(migrate=True)
        yield storage
        await storage.close()


class SqlContract(StorageContract):
    """A subclass provides the fixture `url`, for all of its tests: making a database takes long."""

    @pytest.fixture
    async def storage(self, url: str) -> AsyncIterator[Storage]:
        storage = SqlStorage.from_url(url)
        await storage.open(migrate=True)
        yield storage
        await storage.close()
        await delete(url, revocation_table)
        await delete(url, user_table)

    async def test_the_sessions_of_a_deleted_user_are_gone(
        self, storage: Storage, url: str
    ) -> None:
        user = make_user()
        session = make_session(user)
        await keep(storage, user, session)

        await delete(url, user_table)

        assert await read_session(storage, session) is None


class TestSqlite(SqlContract):
    @pytest.fixture(scope="class")
    @classmethod
    def url(cls, tmp_path_factory: pytest.TempPathFactory) -> str:
        return f"sqlite:///{tmp_path_factory.mktemp('contract')}/test.db"


class TestPostgres(SqlContract):
    @pytest.fixture(scope="class")
    @classmethod
    def url(cls, postgres_server: PostgresServer) -> Iterator[str]:
        url = postgres_server.create_database()
        yield url
        postgres_server.drop_database(url)

    @pytest.mark.parametrize("drift", [timedelta(hours=1), timedelta(seconds=-3)], ids=str)
    async def test_a_clock_that_disagrees_is_found_out(
        self, storage: Storage, drift: timedelta
    ) -> None:
        found = await storage.check(datetime.now(UTC) + drift)

        assert (found.database, found.clock) == (Condition.OK, Condition.FAILING)
        assert "clock" in "".join(found.reasons)


async def delete(url: str, table: sa.Table) -> None:
    """Delete all of its rows; with a user go the sessions."""
    engine = create_engine(url)
    async with engine.begin() as connection:
        await connection.execute(table.delete())
    await engine.dispose()
