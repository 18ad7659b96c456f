"""Engines for SQLite and PostgreSQL, with the settings that correctness hangs on."""

import asyncio
import contextlib
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager
from typing import Any
from urllib.parse import parse_qsl
from weakref import WeakValueDictionary

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry

from tokenpair.errors import ConfigurationError, Unavailable
from tokenpair.stores.sql import sqlite
from tokenpair.stores.sql.patience import (
    CONNECT_SECONDS,
    FAREWELL_SECONDS,
    POOL_SECONDS,
    UNIT_SECONDS,
)
from tokenpair.stores.sql.sqlite import Turn

# The driver for a URL that names none, and the only ones that there are.
_DRIVERS = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+asyncpg"}
POOL_SIZE = 10

# One for each database file: whoever writes to it in this process takes turns.
_turns: WeakValueDictionary[str, Turn] = WeakValueDictionary()


def create_engine(url: str, *, autocommit: bool = False) -> AsyncEngine:
    """Make an engine for `sqlite:///path` or `postgresql://…`; no connection is made yet.

    With `autocommit`, each statement is its own transaction; an engine made for that alone
    need not switch each connection over and back. Errors show the statement and never what was
    bound to it. Raises `ConfigurationError`, which never shows the URL's password.
    """
    parsed = _parse(url)
    options: dict[str, Any] = {
        "hide_parameters": True,
        # None beyond the pool: they would be opened and closed again with every burst.
        "pool_size": POOL_SIZE,
        "max_overflow": 0,
        "pool_timeout": POOL_SECONDS,
    }
    if autocommit:
        options["isolation_level"] = "AUTOCOMMIT"
    if parsed.get_backend_name() == "sqlite":
        return _create_sqlite_engine(parsed, options)
    try:
        # Imported here: asyncpg is an extra.
        from tokenpair.stores.sql.postgres import Connection, bound_waiting  # noqa: PLC0415

        engine = create_async_engine(
            parsed,
            # A connection that the server closed meanwhile is found out before it is used.
            pool_pre_ping=True,
            connect_args={"timeout": CONNECT_SECONDS, "connection_class": Connection},
            **options,
        )
    except ModuleNotFoundError as exc:
        raise ConfigurationError(
            f"the database driver {exc.name!r} is not installed: pip install 'tokenpair[postgres]'"
        ) from exc
    if autocommit:
        sa.event.listen(engine.sync_engine, "connect", bound_waiting)
    return engine


def _create_sqlite_engine(url: sa.URL, options: dict[str, Any]) -> AsyncEngine:
    if sqlite3.sqlite_version_info < sqlite.MIN_VERSION:
        raise ConfigurationError(f"SQLite {sqlite3.sqlite_version} is too old: 3.35 is needed")
    engine = create_async_engine(url, **options)
    sa.event.listen(engine.sync_engine, "do_connect", _make_private)
    sa.event.listen(engine.sync_engine, "connect", _prepare)
    if "isolation_level" not in options:
        sa.event.listen(engine.sync_engine, "begin", _begin_immediate)
    return engine


def _parse(url: str) -> sa.URL:
    try:
        parsed = _make_url(url)
    except (sa.exc.ArgumentError, ValueError):
        # Broken off from its cause: where a password has a bare "@", a piece of it is taken
        # for the port, and quoted.
        raise ConfigurationError("the database URL cannot be read") from None
    parsed = parsed.set(drivername=_DRIVERS.get(parsed.drivername, parsed.drivername))
    if parsed.drivername not in _DRIVERS.values():
        raise ConfigurationError("the database must be sqlite:///path or postgresql://…")
    if parsed.get_backend_name() == "sqlite" and parsed.database in {None, "", ":memory:"}:
        # Each connection would have a database of its own.
        raise ConfigurationError("SQLite needs a file: sqlite:///path")
    return parsed


def _make_url(url: str) -> sa.URL:
    scheme, slashes, path = url.partition(":///")
    if not slashes or not scheme.startswith("sqlite"):
        return sa.make_url(url)
    # A path means itself: SQLAlchemy 2.1 would read a % in it as an escape, and 2.0 would not.
    database, _, query = path.partition("?")
    return sa.URL.create(scheme, database=database, query=dict(parse_qsl(query)))


def _make_private(_: Any, __: Any, arguments: list[Any], ___: Any) -> None:  # noqa: ANN401
    sqlite.make_private(arguments[0])


def _prepare(connection: Any, _: ConnectionPoolEntry) -> None:  # noqa: ANN401
    sqlite.prepare(connection)


def _begin_immediate(connection: sa.Connection) -> None:
    # Takes the write lock at once: a deferred transaction that reads first and writes later
    # fails with "database is locked" when another has written in between.
    if connection.get_execution_options().get("isolation_level") != "AUTOCOMMIT":
        connection.exec_driver_sql("BEGIN IMMEDIATE")


def turn_to_write(engine: AsyncEngine) -> AbstractAsyncContextManager[None]:
    """Give what to hold while writing: on SQLite a `Turn`, elsewhere nothing.

    Keep it for as long as the engine: all who write to one file share one.
    """
    if engine.dialect.name != "sqlite":
        return contextlib.nullcontext()
    return _turns.setdefault(str(engine.url.database), Turn(POOL_SECONDS))


@contextlib.contextmanager
def opening(engine: AsyncEngine) -> Iterator[None]:
    """Turn a database that cannot be reached into `Unavailable`.

    Whatever else is wrong with it becomes a `ConfigurationError`, and stops the start.
    """
    try:
        with unavailable(engine):
            yield
    except (sa.exc.DBAPIError, TypeError) as exc:  # TypeError: an option unknown to a driver.
        said = str(getattr(exc, "orig", exc)).partition("\n")[0]
        raise ConfigurationError(f"the database {_name(engine)} cannot be used: {said}") from exc


def _name(engine: AsyncEngine) -> str:
    """Name the database, without its password and the options, which may hold one."""
    return engine.url.set(query={}).render_as_string(hide_password=True)


@contextlib.asynccontextmanager
async def answering(engine: AsyncEngine) -> AsyncIterator[None]:
    """Turn a database that cannot be reached, or takes longer than 15 s, into `Unavailable`.

    A server that has vanished ends nothing by itself, and its connections would stay taken.
    """
    with unavailable(engine):
        # The inner one cancels once. Then a rollback may hang, too: so the outer one.
        async with asyncio.timeout(UNIT_SECONDS + FAREWELL_SECONDS), asyncio.timeout(UNIT_SECONDS):
            yield


@contextlib.contextmanager
def unavailable(engine: AsyncEngine) -> Iterator[None]:
    """Turn a database that cannot be reached, or is too busy, into `Unavailable`.

    The reason is for the log: which database, and its driver's first line. No password.
    """
    try:
        yield
    except (
        sa.exc.DBAPIError,
        sa.exc.TimeoutError,
        OSError,  # When they connect, some drivers let the socket's own error through.
    ) as exc:
        if isinstance(exc, sa.exc.DBAPIError) and not _may_pass(exc):
            raise
        said = str(getattr(exc, "orig", exc)).partition("\n")[0] or "it says nothing"
        raise Unavailable(f"the database {_name(engine)} does not answer: {said}") from exc


def _may_pass(error: sa.exc.DBAPIError) -> bool:
    """Is it about the database, and not about what it was asked?

    For a lost connection or a deadlock asyncpg has no class that SQLAlchemy knows: its error comes
    as the base class itself, and as an internal one while it has not quite noticed. And SQLite has
    nothing narrower than DatabaseError for a file that is broken.
    """
    passing = (sa.exc.OperationalError, sa.exc.InterfaceError, sa.exc.InternalError)
    return isinstance(error, passing) or type(error) in {
        sa.exc.DBAPIError,
        sa.exc.DatabaseError,
    }
