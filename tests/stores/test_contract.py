"""Each of our storages passes the contract."""

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from tests.servers import PostgresServer
from tests.waiting import limit
from tokenpair.core.health import Condition
from tokenpair.core.sessions.revocation import KEPT, MARGIN
from tokenpair.core.sessions.rule import EndReason, StoredSession
from tokenpair.core.tokens.lifetimes import ACCESS
from tokenpair.ports import Storage
from tokenpair.stores.memory import MemoryStorage
from tokenpair.stores.sql import SqlStorage, create_engine
from tokenpair.stores.sql.tables import metadata, revocation_table, user_table
from tokenpair.testing.store_contract import (
    StorageContract,
    keep,
    make_session,
    make_user,
    read_session,
)
from tokenpair.testing.store_contract.outbox import make_mail


class TestMemory(StorageContract):
    @pytest.fixture
    async def storage(self) -> AsyncIterator[Storage]:
        storage = MemoryStorage()
        await storage.open(migrate=True)
        yield storage
        await storage.close()


class SqlContract(StorageContract):
    """A subclass provides the fixture `url`, shared by its tests: a new database takes long."""

    @pytest.fixture
    async def storage(self, url: str) -> AsyncIterator[Storage]:
        storage = SqlStorage.from_url(url)
        await storage.open(migrate=True)
        yield storage
        await storage.close()
        await delete(url, *metadata.sorted_tables[::-1])

    async def test_the_sessions_of_a_deleted_user_are_gone(
        self, storage: Storage, url: str
    ) -> None:
        user = make_user()
        session = make_session(user)
        await keep(storage, user, session)

        await delete(url, user_table)

        assert await read_session(storage, session) is None

    async def test_a_revocation_is_removed_a_day_after_it_was_in_force(
        self, storage: Storage, url: str
    ) -> None:
        """And its id is never used again."""
        user = make_user()
        later = datetime.now(UTC) + timedelta(days=100)
        first, second = (make_session(user, expires_at=later) for _ in range(2))
        await keep(storage, user, first, second)
        await storage.open(migrate=False, access=ACCESS)
        await end(storage, first)
        told = await storage.read_feed(None)
        removed = []

        for age in (timedelta(minutes=-2), timedelta(minutes=4)):
            await move_back(url, ACCESS + MARGIN + KEPT + age)
            removed.append(await storage.prune(datetime.now(UTC), 100))
            await move_back(url, -(ACCESS + MARGIN + KEPT))
        await end(storage, second)

        assert removed == [0, 1]
        (entry,) = (await storage.read_feed(told.position)).entries
        assert entry.session_id == second.id


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

    async def test_a_mail_that_another_worker_is_claiming_is_not_waited_for(
        self, storage: Storage
    ) -> None:
        mail, now = make_mail(), datetime.now(UTC)
        claiming = {"now": now, "until": now + timedelta(hours=1)}
        async with storage.begin() as tx:
            await tx.outbox.add(mail)

        async with storage.begin() as tx, limit():
            first = await tx.outbox.claim(mail.user_id, mail.id, **claiming)
            async with storage.begin() as other:
                second = await other.outbox.claim(mail.user_id, mail.id, **claiming)

        assert (bool(first), second) == (True, None)

    @pytest.mark.parametrize("drift", [timedelta(hours=1), timedelta(seconds=-3)], ids=str)
    async def test_a_clock_that_disagrees_is_reported(
        self, storage: Storage, drift: timedelta
    ) -> None:
        found = await storage.health(datetime.now(UTC) + drift)

        assert (found.database, found.clock) == (Condition.OK, Condition.FAILING)
        assert "clock" in "".join(found.reasons)


async def end(storage: Storage, session: StoredSession) -> None:
    async with storage.begin() as tx:
        await tx.sessions.end(session.user_id, session.id, EndReason.LOGOUT, datetime.now(UTC))


async def move_back(url: str, by: timedelta) -> None:
    """Make every revocation older, as if the database's clock had advanced."""
    engine = create_engine(url)
    columns = revocation_table.c
    async with engine.begin() as connection:
        for row in await connection.execute(sa.select(revocation_table)):
            await connection.execute(
                revocation_table.update()
                .where(columns.id == row.id)
                .values(recorded_at=row.recorded_at - by, until=row.until - by)
            )
    await engine.dispose()


async def delete(url: str, *tables: sa.Table) -> None:
    """Delete all rows. Sessions are deleted with their users."""
    engine = create_engine(url)
    async with engine.begin() as connection:
        for table in tables:
            await connection.execute(table.delete())
    await engine.dispose()
