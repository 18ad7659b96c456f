"""A database on a PostgreSQL server."""

import logging
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, nullcontext
from datetime import datetime
from functools import cached_property, partial

import asyncpg
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from tokenpair.stores.sql.backend import BACKEND
from tokenpair.stores.sql.errors import ErrorTranslator
from tokenpair.stores.sql.pool import PooledConnections, engine_options
from tokenpair.stores.sql.postgres import errors
from tokenpair.stores.sql.postgres.connection import Connector, limits, milliseconds
from tokenpair.stores.sql.postgres.feed import PostgresFeed
from tokenpair.stores.sql.postgres.pooler import SHARED_SESSIONS, PoolerCheck
from tokenpair.stores.sql.postgres.renewals import PostgresRenewals
from tokenpair.stores.sql.timeouts import Timeouts

_MIGRATION_LOCK = 0x746F6B656E706169
"""The number of an advisory lock: any, but the same in every version."""

# A migration takes as long as it takes, and so does the wait for that of another worker. No server
# version has all these limits, and setting one that it lacks is an error.
_NO_LIMITS = sa.text(
    "SELECT set_config(name, '0', true) FROM pg_settings WHERE name IN ('lock_timeout', "
    "'statement_timeout', 'idle_in_transaction_session_timeout', 'transaction_timeout')"
)

# Citus's catalogue. Its nodes refuse a statement that is not about one user's rows.
_HAS_NODES = sa.text("SELECT to_regclass('pg_dist_partition') IS NOT NULL")
_IS_DISTRIBUTED = sa.text(
    "SELECT EXISTS (SELECT FROM pg_dist_partition "
    "WHERE logicalrelid = to_regclass('tokenpair_session'))"
)

_log = logging.getLogger(__name__)


class PostgresDatabase:
    """A `Backend` on PostgreSQL."""

    def __init__(self, url: str, *, pool_size: int, lanes: int, timeouts: Timeouts) -> None:
        """Raises `ConfigurationError`."""
        self._connector = connector = Connector(url, timeouts)
        self._pool_size = pool_size
        self._pooler = PoolerCheck(connector)
        self._unit_settings = _unit_settings(timeouts)
        self._counting_settings = _unit_settings(timeouts, durable=False)
        self._engines: list[AsyncEngine] = []
        self._connections = PooledConnections()
        self.timeouts = timeouts
        self.name: str = connector.url.name
        self.errors: ErrorTranslator = ErrorTranslator(self.name, errors)
        self.write_lock: AbstractAsyncContextManager[None] = nullcontext()
        self.renewals: PostgresRenewals = PostgresRenewals(
            connector, self.errors, timeouts, size=pool_size, lanes=lanes
        )
        self.feed: PostgresFeed = PostgresFeed(connector, self.errors, timeouts)

    @cached_property
    def engine(self) -> AsyncEngine:
        return self._create_engine(autocommit=False)

    @cached_property
    def autocommit(self) -> AsyncEngine:
        reading = limits(lock=self.timeouts.read, statement=self.timeouts.read)
        return self._create_engine(reading, autocommit=True)

    @asynccontextmanager
    async def counting(self) -> AsyncIterator[AsyncConnection]:
        async with self.engine.begin() as connection:
            await connection.execute(self._counting_settings)
            yield connection

    async def begin_unit(self, connection: AsyncConnection) -> None:
        await connection.execute(self._unit_settings)

    async def read_clock(self, connection: AsyncConnection) -> datetime | None:
        found: datetime = (
            await connection.execute(sa.select(sa.func.clock_timestamp()))
        ).scalar_one()
        return found

    async def lock_migrations(self, connection: AsyncConnection) -> None:
        await connection.execute(_NO_LIMITS)
        await connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_MIGRATION_LOCK)))

    async def setup_problem(self, *, at_start: bool) -> str | None:
        is_shared = self._pooler.shares_sessions if at_start else self._pooler.shares_sessions_now
        return SHARED_SESSIONS if await is_shared() else None

    async def inspect(self) -> None:
        async with self.engine.connect() as connection:
            if await connection.scalar(_HAS_NODES) and await connection.scalar(_IS_DISTRIBUTED):
                _log.info("the sessions are distributed: each renewal sends a statement of its own")
                await self.renewals.share_nothing()

    def exists(self) -> bool:
        return True

    async def close(self) -> None:
        self._connections.close_late()
        async with AsyncExitStack() as stack:  # Each is closed, even if another fails to.
            for engine in self._engines:
                stack.push_async_callback(engine.dispose)
            stack.push_async_callback(self.feed.close)
            stack.push_async_callback(self.renewals.close)

    def _create_engine(self, *settings: str, autocommit: bool) -> AsyncEngine:
        engine = create_async_engine(
            self._connector.url.for_sqlalchemy,
            async_creator=partial(self._connect, *settings),
            execution_options={BACKEND: self},
            # Finds a connection that the server has closed, before it is used.
            pool_pre_ping=True,
            **engine_options(self._pool_size, self.timeouts, autocommit=autocommit),
        )
        self._connections.watch(engine)
        sa.event.listen(engine.sync_engine, "handle_error", _leave_read_only)
        self._engines.append(engine)
        return engine

    async def _connect(self, *settings: str) -> asyncpg.Connection:
        return await self._connections.opened(self._connector.connect(*settings))


def _leave_read_only(context: sa.engine.ExceptionContext) -> None:
    """Replace the pool's connections when one of them takes no writes.

    A connection stays read-only after the default of its database was reset, and after a name in
    the DNS has moved from a standby to the new primary. Only a new connection is not.
    """
    error = errors.unwrap(context.sqlalchemy_exception or context.original_exception)
    if isinstance(error, asyncpg.ReadOnlySQLTransactionError):
        context.is_disconnect = True


def _unit_settings(timeouts: Timeouts, *, durable: bool = True) -> sa.Select[tuple[str, ...]]:
    """Return the statement that sets a unit of work's limits, and its durability.

    An operator may have traded durability for speed: a lost renewal heals, a lost log-out does
    not. And a transaction without limits could commit to the feed after its readers have stopped
    looking for it.
    """
    settings = {
        "synchronous_commit": "on" if durable else "off",
        "lock_timeout": milliseconds(timeouts.lock),
        "statement_timeout": milliseconds(timeouts.unit),
        "idle_in_transaction_session_timeout": milliseconds(timeouts.unit),
    }
    return sa.select(*(sa.func.set_config(*each, sa.true()) for each in settings.items()))
