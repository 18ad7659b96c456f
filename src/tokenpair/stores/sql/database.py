"""An app's own tables, in the database that it shares with the library."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Self

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker

from tokenpair.core.health import Condition, Health
from tokenpair.errors import Unavailable
from tokenpair.reasons import reason_of
from tokenpair.stores.sql.backend import Backend
from tokenpair.stores.sql.engine import make_backend
from tokenpair.stores.sql.migrate import (
    TOKENPAIR_MIGRATIONS,
    Migrations,
    not_migrated,
    require_migrated,
)
from tokenpair.stores.sql.timeouts import DEFAULT_TIMEOUTS, Timeouts


class Database:
    """SQLAlchemy sessions on SQLite or PostgreSQL, safe beside the library's own transactions.

    A database that cannot be used now raises `Unavailable`, and so does a block that takes longer
    than `Timeouts.unit`::

        database = Database.from_url("sqlite:///app.db")

        async with database.writing() as session:
            session.add(Note(text="hello"))
    """

    def __init__(self, backend: Backend, migrations: Sequence[Migrations], command: str) -> None:
        """Use `Database.from_url`."""
        self._backend = backend
        self._migrations = tuple(migrations)
        self._command = command
        # A reader on SQLite must not open a transaction, which would take the write lock. Both
        # share one pool, because an app has few connections to spare.
        self._autocommit = backend.engine.execution_options(isolation_level="AUTOCOMMIT")
        self._read = async_sessionmaker(self._autocommit, expire_on_commit=False)
        self._write = async_sessionmaker(backend.engine, expire_on_commit=False)

    @classmethod
    def from_url(
        cls,
        url: str,
        *,
        migrations: Sequence[Migrations] = (),
        upgrade_command: str = "tokenpair db upgrade",
        pool_size: int | None = None,
        timeouts: Timeouts = DEFAULT_TIMEOUTS,
    ) -> Self:
        """Make one from `sqlite:///path` or `postgresql://…`; no connection is made yet.

        `migrations` are those of the app's own tables. `upgrade_command` is what error messages
        tell an operator to run. `pool_size` is the most connections that are open at a time; None
        follows the cores that this process may use. Raises `ConfigurationError`.
        """
        backend = make_backend(url, pool_size=pool_size, timeouts=timeouts)
        return cls(backend, migrations, upgrade_command)

    @property
    def name(self) -> str:
        """The database's name in messages, without user, password and options."""
        return self._backend.name

    @property
    def engine(self) -> AsyncEngine:
        """SQLAlchemy's engine. On SQLite, its transactions take the write lock when they begin."""
        return self._backend.engine

    async def open(self, *, migrate: bool) -> None:
        """Migrate the library's tables and then the app's, or require that they are up to date.

        Raises `ConfigurationError`, and `Unavailable` if the database cannot be used now.
        """
        lines = (TOKENPAIR_MIGRATIONS, *self._migrations)
        with self._backend.errors.translated_at_start():
            await require_migrated(self._backend, lines, migrate=migrate, command=self._command)

    async def close(self) -> None:
        """Close every connection. The database may be opened again, also in another event loop."""
        await self._backend.close()

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncSession]:
        """Read: each statement sees what is committed when it begins."""
        async with self._backend.errors.translated(self._backend.timeouts), self._read() as session:
            yield session

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncSession]:
        """Run one transaction: it is committed at the end of the block, unless the block raises.

        On SQLite, one writer runs at a time: keep the block short.
        """
        translated = self._backend.errors.translated(self._backend.timeouts)
        async with translated, self._backend.write_lock, self._write.begin() as session:
            await self._backend.begin_unit(await session.connection())
            yield session

    async def health(self) -> Health:
        """Return whether the database answers, and whether the app's tables are up to date.

        It takes `Timeouts.health` at most. Nothing is raised for a database that does not answer.
        """
        seconds = self._backend.timeouts.health
        try:
            async with asyncio.timeout(seconds):
                conditions = await self._conditions()
        except TimeoutError:
            reason = f"the database {self.name} has not answered for {seconds:g} s"
            return Health(database=Condition.FAILING, reasons=(reason,))
        except Unavailable as exc:
            return Health(database=Condition.FAILING, reasons=(reason_of(exc),))
        worst = next((each for each in _FROM_WORST if each in conditions), Condition.OK)
        is_behind = worst is Condition.FAILING
        reasons = (not_migrated(self._backend, self._command),) if is_behind else ()
        return Health(database=Condition.OK, migrations=worst, reasons=reasons)

    async def _conditions(self) -> set[Condition]:
        async with self.reading() as session:
            await session.execute(sa.select(1))
            return {await each.health(self._autocommit) for each in self._migrations}


_FROM_WORST = (Condition.FAILING, Condition.UNKNOWN)
