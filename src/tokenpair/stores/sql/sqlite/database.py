"""A database in an SQLite file."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime
from functools import cached_property, partial
from typing import Any
from urllib.parse import parse_qsl

import aiosqlite
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from tokenpair.errors import ConfigurationError
from tokenpair.stores.sql.backend import BACKEND
from tokenpair.stores.sql.errors import ErrorTranslator
from tokenpair.stores.sql.pool import PooledConnections, engine_options
from tokenpair.stores.sql.sqlite import connection, errors
from tokenpair.stores.sql.sqlite.feed import SqliteFeed
from tokenpair.stores.sql.sqlite.renewals import SqliteRenewals
from tokenpair.stores.sql.sqlite.write_lock import WriteLock
from tokenpair.stores.sql.timeouts import Timeouts


class SqliteDatabase:
    """A `Backend` on SQLite 3.35 or newer."""

    def __init__(self, url: str, *, pool_size: int, timeouts: Timeouts) -> None:
        """Raises `ConfigurationError`."""
        if sqlite3.sqlite_version_info < connection.MIN_VERSION:
            raise ConfigurationError(f"SQLite {sqlite3.sqlite_version} is too old: 3.35 is needed")
        self._url = _parse(url)
        self._path = path = str(self._url.database)
        self._pool_size = pool_size
        self._engines: list[AsyncEngine] = []
        self._connections = PooledConnections()
        self.timeouts = timeouts
        self.name: str = connection.name_of(path)
        self.errors: ErrorTranslator = ErrorTranslator(self.name, errors)
        self.write_lock: WriteLock = WriteLock(path, timeouts.pool)
        self.renewals: SqliteRenewals = SqliteRenewals(path, self.write_lock, timeouts)
        self.feed: SqliteFeed = SqliteFeed(path, timeouts)

    @cached_property
    def engine(self) -> AsyncEngine:
        engine = self._create_engine(autocommit=False)
        sa.event.listen(engine.sync_engine, "begin", _begin_immediate)
        return engine

    @cached_property
    def autocommit(self) -> AsyncEngine:
        return self._create_engine(autocommit=True)

    @cached_property
    def _counting_engine(self) -> AsyncEngine:
        engine = self._create_engine(autocommit=False)
        sa.event.listen(engine.sync_engine, "connect", _sync_later)
        sa.event.listen(engine.sync_engine, "begin", _begin_immediate)
        return engine

    @asynccontextmanager
    async def counting(self) -> AsyncIterator[AsyncConnection]:
        async with self.write_lock, self._counting_engine.begin() as connection:
            yield connection

    async def begin_unit(self, connection: AsyncConnection) -> None:
        pass

    async def read_clock(self, connection: AsyncConnection) -> datetime | None:
        await connection.execute(sa.select(1))
        return None

    async def lock_migrations(self, connection: AsyncConnection) -> None:
        pass  # The transaction has the write lock.

    async def setup_problem(self, *, at_start: bool) -> str | None:  # noqa: ARG002  As the port.
        return None

    async def inspect(self) -> None:
        pass

    def exists(self) -> bool:
        return connection.exists(self._path)

    async def close(self) -> None:
        self._connections.close_late()
        async with AsyncExitStack() as stack:  # Each is closed, even if another fails to.
            for engine in self._engines:
                stack.push_async_callback(engine.dispose)
            stack.push_async_callback(self.feed.close)
            stack.push_async_callback(self.renewals.close)

    def _create_engine(self, *, autocommit: bool) -> AsyncEngine:
        options = engine_options(self._pool_size, self.timeouts, autocommit=autocommit)
        engine = create_async_engine(self._url, execution_options={BACKEND: self}, **options)
        sa.event.listen(engine.sync_engine, "do_connect", self._make_private)
        sa.event.listen(engine.sync_engine, "connect", self._prepare)
        self._connections.watch(engine)
        self._engines.append(engine)
        return engine

    def _make_private(self, _: Any, __: Any, arguments: list[Any], options: dict[str, Any]) -> None:  # noqa: ANN401
        connection.make_private(arguments[0])
        options["async_creator_fn"] = self._open

    async def _open(self, *arguments: Any, **options: Any) -> aiosqlite.Connection:  # noqa: ANN401
        return await self._connections.opened(_open(*arguments, **options))

    def _prepare(self, new: Any, _: object) -> None:  # noqa: ANN401  A driver's connection.
        connection.prepare(new, self.timeouts)


def _parse(url: str) -> sa.URL:
    try:
        parsed = _make_url(url)
    except (sa.exc.ArgumentError, ValueError):
        # Without its cause, which quotes the URL.
        raise ConfigurationError("the database URL cannot be read") from None
    if parsed.drivername not in {"sqlite", "sqlite+aiosqlite"}:
        raise ConfigurationError("the database must be sqlite:///path or postgresql://…")
    if parsed.database in {None, "", ":memory:"}:
        # Each connection would have a database of its own.
        raise ConfigurationError("SQLite needs a file: sqlite:///path")
    if str(parsed.database).startswith("file:") or "uri" in parsed.query:
        # SQLAlchemy would open the URI, and `connection.connect` another file.
        raise ConfigurationError(
            "a URI of SQLite is unsupported; write sqlite:///path, without file: and uri="
        )
    return parsed.set(drivername="sqlite+aiosqlite")


def _make_url(url: str) -> sa.URL:
    scheme, slashes, path = url.partition(":///")
    if not slashes or not scheme.startswith("sqlite"):
        return sa.make_url(url)
    # A % in a path is a %: SQLAlchemy 2.1 would read it as an escape, and 2.0 would not.
    database, _, query = path.partition("?")
    return sa.URL.create(scheme, database=database, query=dict(parse_qsl(query)))


class _Connection(aiosqlite.Connection):
    """A connection that can be stopped while it closes.

    SQLAlchemy closes it in a task, and also stops it if the caller is cancelled meanwhile. The
    thread ends at the first stop. The task stops it again, and would wait for ever.
    """

    def stop(self) -> asyncio.Future[Any] | None:
        # Before aiosqlite 0.22.1, there was no stop: then the task closes it.
        return super().stop() if self._running and hasattr(super(), "stop") else None


async def _open(*arguments: Any, **options: Any) -> aiosqlite.Connection:  # noqa: ANN401
    """Open a file. If the caller is cancelled meanwhile, close it again.

    The driver opens it in a thread, and a connection that its caller does not get stays open.
    """
    options["factory"] = connection.Connection
    new = _Connection(partial(sqlite3.connect, *arguments, **options), iter_chunk_size=64)
    # Before aiosqlite 0.22, the connection is a thread itself.
    thread: Any = getattr(new, "_thread", new)
    thread.daemon = True  # As SQLAlchemy does: it must not outlive the program.

    async def opened() -> aiosqlite.Connection:
        return await new

    async def close() -> None:
        await asyncio.wait([opening])
        await new.close()

    opening = asyncio.create_task(opened())
    try:
        return await asyncio.shield(opening)
    except asyncio.CancelledError:
        # In a task, because anyio cancels the caller again and again. The driver's thread keeps
        # the task from the garbage collector: it has the future for which the task waits.
        await asyncio.shield(asyncio.create_task(close()))
        raise


def _sync_later(new: Any, _: object) -> None:  # noqa: ANN401  SQLAlchemy's wrapper.
    # Without a wait for the disk, a log-in holds the write lock for less than a millisecond. The
    # next durable commit, by any connection, also writes out what came before it.
    try:
        cursor = new.cursor()
        cursor.execute("PRAGMA synchronous = NORMAL")
        cursor.close()
    except BaseException:
        new.close()  # The caller does not get it.
        raise


def _begin_immediate(connection: sa.Connection) -> None:
    # Takes the write lock at once: a deferred transaction that reads first and writes later
    # fails with "database is locked" when another has written in between.
    if connection.get_execution_options().get("isolation_level") != "AUTOCOMMIT":
        connection.exec_driver_sql("BEGIN IMMEDIATE")
