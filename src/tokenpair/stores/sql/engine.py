"""Engines for SQLite and PostgreSQL, with the settings that correctness hangs on."""

import contextlib
import sqlite3
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import Any
from urllib.parse import parse_qsl

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry

from tokenpair.errors import ConfigurationError
from tokenpair.machine import usable_cores
from tokenpair.stores.sql.availability import CONNECTOR
from tokenpair.stores.sql.patience import POOL_SECONDS
from tokenpair.stores.sql.postgres.url import is_postgres_url
from tokenpair.stores.sql.sqlite import connection as sqlite
from tokenpair.stores.sql.sqlite.write_lock import write_lock


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
        from tokenpair.stores.sql.postgres.connection import READING, Connector  # noqa: PLC0415
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
    """Give what to hold while writing: on SQLite a `WriteLock`, elsewhere nothing.

    Keep it for as long as the engine: all who write to one file share one.
    """
    if engine.dialect.name != "sqlite":
        return contextlib.nullcontext()
    return write_lock(str(engine.url.database), POOL_SECONDS)
