"""What differs between SQLite and PostgreSQL, as one object for each database.

`sqlite.database.SqliteDatabase` and `postgres.database.PostgresDatabase` are the two. In
`stores.sql`, only `engine.make_backend`, which chooses one, the dialects of `expressions` and
`tables`, and the migrations also tell the databases apart.
"""

from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Protocol

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from tokenpair.errors import ConfigurationError
from tokenpair.stores.sql.errors import ErrorTranslator
from tokenpair.stores.sql.feed import RevocationReader
from tokenpair.stores.sql.renewal import Renewals
from tokenpair.stores.sql.timeouts import Timeouts

BACKEND = "tokenpair_backend"
"""The execution option of an engine that holds its `Backend`."""


class Backend(Protocol):
    """One database. No connection is made before one is used."""

    @property
    def name(self) -> str:
        """The database's name in messages, without user, password and options."""
        ...

    @property
    def timeouts(self) -> Timeouts:
        """The time limits."""
        ...

    @property
    def errors(self) -> ErrorTranslator:
        """The translation of its errors."""
        ...

    @property
    def engine(self) -> AsyncEngine:
        """The engine for transactions. On SQLite each begins by taking the write lock."""
        ...

    @property
    def autocommit(self) -> AsyncEngine:
        """The engine for single reads: each statement is its own transaction."""
        ...

    @property
    def write_lock(self) -> AbstractAsyncContextManager[None]:
        """What is held while `engine` writes: this process's turn on SQLite, else nothing."""
        ...

    @property
    def renewals(self) -> Renewals:
        """What carries renewals out, on connections of its own."""
        ...

    @property
    def feed(self) -> RevocationReader:
        """What reads the feed, on a connection of its own."""
        ...

    def counting(self) -> AbstractAsyncContextManager[AsyncConnection]:
        """Begin a transaction that writes counters of rate limits, and end it after the block.

        It is quick, and not durable: a power cut may lose the last of its changes.
        """
        ...

    async def begin_unit(self, connection: AsyncConnection) -> None:
        """Prepare a transaction that has just begun for a unit of work."""
        ...

    async def read_clock(self, connection: AsyncConnection) -> datetime | None:
        """Ask the database for its time. None: it has no clock but this machine's."""
        ...

    async def lock_migrations(self, connection: AsyncConnection) -> None:
        """Let only this transaction migrate, for as long as it takes."""
        ...

    async def setup_problem(self, *, at_start: bool) -> str | None:
        """Return why the database's setup is unsupported, or None.

        Without `at_start`, look only at what can change while the app runs. Raises the driver's
        errors.
        """
        ...

    async def inspect(self) -> None:
        """Find out what only the migrated tables tell. Raises the driver's errors."""
        ...

    def exists(self) -> bool:
        """Return whether there is a database to connect to; for SQLite, whether the file exists."""
        ...

    async def close(self) -> None:
        """Close every connection."""
        ...


def backend_of(engine: AsyncEngine) -> Backend:
    """Return the backend of an engine that `create_engine` has made.

    Raises `ConfigurationError` for any other engine.
    """
    backend: Backend | None = engine.sync_engine.get_execution_options().get(BACKEND)
    if backend is None:
        raise ConfigurationError(
            "this engine lacks the settings that tokenpair relies on; "
            "make it with tokenpair.stores.sql.create_engine"
        )
    return backend
