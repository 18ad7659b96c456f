"""Engines for SQLite and PostgreSQL, with the settings that correctness hangs on."""

import asyncio
import contextlib
import logging
import sqlite3
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager
from functools import partial
from types import ModuleType
from typing import Any
from urllib.parse import parse_qsl
from weakref import WeakValueDictionary

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry

from tokenpair.errors import ConfigurationError, InvalidInput, Unavailable
from tokenpair.machine import usable_cores
from tokenpair.shortage import shortage
from tokenpair.stores.sql import sqlite
from tokenpair.stores.sql.patience import FAREWELL_SECONDS, POOL_SECONDS, UNIT_SECONDS
from tokenpair.stores.sql.postgres_url import is_postgres_url
from tokenpair.stores.sql.sqlite import Turn

_log = logging.getLogger(__name__)

CONNECTOR = "tokenpair_connector"
"""The execution option in which an engine for PostgreSQL keeps what opens its connections."""

# One for each database file: whoever writes to it in this process takes turns.
_turns: WeakValueDictionary[str, Turn] = WeakValueDictionary()


def default_pool_size() -> int:
    """Return the number of connections in a pool: 4, and 2 for each usable core, at most 10.

    A worker is one process, and keeps no more of them busy.
    """
    return min(10, 4 + 2 * usable_cores())


def create_engine(
    url: str, *, autocommit: bool = False, pool_size: int | None = None
) -> AsyncEngine:
    """Make an engine for `sqlite:///path` or `postgresql://…`; no connection is made yet.

    With `autocommit`, each statement is its own transaction; an engine made for that alone
    need not switch each connection over and back. `pool_size` is the most connections that are
    open at a time; None follows the cores that this process may use. Errors show the statement
    and never what was bound to it.

    Raises `ConfigurationError`, which never shows the URL's user and password.
    """
    options: dict[str, Any] = {
        "hide_parameters": True,
        # None beyond the pool: they would be opened and closed again with every burst.
        "pool_size": pool_size or default_pool_size(),
        "max_overflow": 0,
        "pool_timeout": POOL_SECONDS,
    }
    if autocommit:
        options["isolation_level"] = "AUTOCOMMIT"
    if is_postgres_url(url):
        return _create_postgres_engine(url, options)
    return _create_sqlite_engine(_parse_sqlite_url(url), options)


def _create_postgres_engine(url: str, options: dict[str, Any]) -> AsyncEngine:
    try:
        # Imported here: asyncpg is an extra.
        from tokenpair.stores.sql.postgres_connect import READING, Connector  # noqa: PLC0415
    except ModuleNotFoundError as exc:
        raise ConfigurationError(
            f"the database driver {exc.name!r} is not installed: pip install 'tokenpair[postgres]'"
        ) from exc
    connector = Connector(url)
    settings = (READING,) if "isolation_level" in options else ()
    return create_async_engine(
        connector.url.for_sqlalchemy,
        async_creator=partial(connector.connect, *settings),
        execution_options={CONNECTOR: connector},
        # A connection that the server closed meanwhile is found out before it is used.
        pool_pre_ping=True,
        **options,
    )


def _create_sqlite_engine(url: sa.URL, options: dict[str, Any]) -> AsyncEngine:
    if sqlite3.sqlite_version_info < sqlite.MIN_VERSION:
        raise ConfigurationError(f"SQLite {sqlite3.sqlite_version} is too old: 3.35 is needed")
    engine = create_async_engine(url, **options)
    sa.event.listen(engine.sync_engine, "do_connect", _make_private)
    sa.event.listen(engine.sync_engine, "connect", _prepare)
    if "isolation_level" not in options:
        sa.event.listen(engine.sync_engine, "begin", _begin_immediate)
    return engine


def _parse_sqlite_url(url: str) -> sa.URL:
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
    return parsed.set(drivername="sqlite+aiosqlite")


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
        with _server_faults(engine):
            yield
    # TypeError: an option that SQLite's driver does not know.
    except _database_errors(engine, TypeError) as exc:
        reason = _summary(engine, exc)
        raise ConfigurationError(
            f"the database {database_name(engine)} cannot be used: {reason}"
        ) from exc


def database_name(engine: AsyncEngine) -> str:
    """Return what to call the database in messages, without user, password and options.

    SQLite's path is absolute: two processes with the same URL may run in different folders.
    """
    if connector := engine.sync_engine.get_execution_options().get(CONNECTOR):
        return str(connector.url.name)
    if engine.dialect.name == "sqlite":
        return sqlite.name_of(str(engine.url.database))
    return engine.url.set(username=None, password=None, query={}).render_as_string()


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

    A value that PostgreSQL refuses becomes `InvalidInput`. The reason is for the log: which
    database, and its driver's first line. No password.
    """
    try:
        with _server_faults(engine):
            yield
    except _database_errors(engine) as exc:
        if not _is_refused_value(engine, exc):
            raise
        # Without its cause, which quotes the value.
        _log.warning(
            "the database %s refuses a value: %s", database_name(engine), _summary(engine, exc)
        )
        raise InvalidInput from None


@contextlib.contextmanager
def _server_faults(engine: AsyncEngine) -> Iterator[None]:
    """Turn errors that are about the server into `Unavailable`, and pass the others on."""
    try:
        yield
    except ssl.SSLCertVerificationError as exc:
        reason = f"its certificate is refused: {exc.verify_message}"
        raise _away(engine, f"is not trusted: {reason}") from exc
    except (sa.exc.TimeoutError, OSError) as exc:  # A driver passes on what the socket raises.
        reason = str(exc).partition("\n")[0] or "no reason is given"
        raise _away(engine, f"does not answer: {reason}") from exc
    except _database_errors(engine) as exc:
        if not _is_about_the_server(engine, exc):
            raise
        raise _away(engine, _complaint(engine, exc)) from exc
    except (MemoryError, RuntimeError) as exc:  # SQLite's driver starts a thread to connect.
        if short := shortage(exc):
            raise short from exc
        raise


def _away(engine: AsyncEngine, complaint: str) -> Unavailable:
    return Unavailable(f"the database {database_name(engine)} {complaint}")


def _is_about_the_server(engine: AsyncEngine, error: BaseException) -> bool:
    if engine.dialect.name == "postgresql":
        return _postgres_errors().fault_of(error) is _postgres_errors().Fault.SERVER
    passing = (sa.exc.OperationalError, sa.exc.InterfaceError, sa.exc.InternalError)
    # SQLite has nothing narrower than DatabaseError for a file that is broken.
    return isinstance(error, passing) or type(error) is sa.exc.DatabaseError


def _is_refused_value(engine: AsyncEngine, error: BaseException) -> bool:
    if engine.dialect.name == "postgresql":
        return _postgres_errors().fault_of(error) is _postgres_errors().Fault.VALUE
    return isinstance(error, sa.exc.DataError)


def _complaint(engine: AsyncEngine, error: BaseException) -> str:
    if engine.dialect.name == "postgresql":
        return str(_postgres_errors().complaint(error))
    return f"does not answer: {_summary(engine, error)}"


def _summary(engine: AsyncEngine, error: BaseException) -> str:
    if engine.dialect.name == "postgresql":
        return str(_postgres_errors().summary(error))
    return sqlite.summary(getattr(error, "orig", error))


def _database_errors(engine: AsyncEngine, *more: type[Exception]) -> tuple[type[Exception], ...]:
    """Return what is raised: on connecting, SQLAlchemy 2.0 passes on the driver's own errors."""
    drivers = _postgres_errors().DRIVER_ERRORS if engine.dialect.name == "postgresql" else ()
    return (sa.exc.DBAPIError, *drivers, *more)


def _postgres_errors() -> ModuleType:
    # Imported here: asyncpg is an extra.
    from tokenpair.stores.sql import postgres_errors  # noqa: PLC0415

    return postgres_errors
