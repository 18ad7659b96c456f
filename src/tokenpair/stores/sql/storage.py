"""`ports.Storage` in SQL: SQLite for one machine, PostgreSQL for more."""

import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from datetime import datetime, timedelta
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from tokenpair.core.events import RecordedEvent
from tokenpair.core.health import Condition, Health
from tokenpair.core.sessions.revocation import Revocation
from tokenpair.core.sessions.rule import SessionState, Windows
from tokenpair.core.tokens.claims import FullRefreshClaims
from tokenpair.errors import ConfigurationError
from tokenpair.listeners import Listeners
from tokenpair.ports import FeedPage, FeedPosition
from tokenpair.stores.sql import access_lifetime
from tokenpair.stores.sql.accounts import SqlUsers
from tokenpair.stores.sql.availability import CONNECTOR, answering, database_name, opening
from tokenpair.stores.sql.engine import create_engine, default_pool_size, turn_to_write
from tokenpair.stores.sql.events import SqlEvents
from tokenpair.stores.sql.feed import RevocationReader
from tokenpair.stores.sql.migrate import TOKENPAIR_MIGRATIONS, not_migrated
from tokenpair.stores.sql.patience import POOL_SECONDS, UNIT_SECONDS, WRITER_LOCK_SECONDS
from tokenpair.stores.sql.postgres.pooler import SHARED_SESSIONS, PoolerCheck
from tokenpair.stores.sql.prune import prune
from tokenpair.stores.sql.renewal import Renewals
from tokenpair.stores.sql.session_state import read_session_state
from tokenpair.stores.sql.sessions import SqlSessions
from tokenpair.stores.sql.sqlite.feed import SqliteFeed
from tokenpair.stores.sql.sqlite.renewals import SqliteRenewals
from tokenpair.stores.sql.sqlite.write_lock import WriteLock
from tokenpair.stores.sql.tables import session_table, user_table

_UPGRADE = "tokenpair db upgrade"

MAX_CLOCK_DRIFT = timedelta(seconds=2)
"""Well within the repeat window, which workers with different clocks must agree on."""

# An operator may have traded durability for speed: a lost renewal heals, a lost log-out does not.
# And a writer that takes for ever could commit to the feed when nobody looks there any more.
_INSIST = sa.select(
    *(
        sa.func.set_config(name, value, sa.true())
        for name, value in {
            "synchronous_commit": "on",
            "lock_timeout": f"{WRITER_LOCK_SECONDS}s",
            "statement_timeout": f"{UNIT_SECONDS}s",
            "idle_in_transaction_session_timeout": f"{UNIT_SECONDS}s",
        }.items()
    )
)


class SqlStorage:
    """A `Storage` on SQLite (3.35 or newer) or PostgreSQL."""

    is_private = False

    def __init__(self, engine: AsyncEngine, autocommit: AsyncEngine) -> None:
        """Take two engines on one database, both made by `create_engine`.

        On the second, made with `autocommit`, each statement is its own transaction.
        """
        self._engine = engine
        self._autocommit = autocommit
        self._is_sqlite = engine.dialect.name == "sqlite"
        self._turn = turn_to_write(engine)
        self._renewals, self._feed = _by_the_driver(engine, self._turn)
        self._pooler = PoolerCheck(engine.sync_engine.get_execution_options().get(CONNECTOR))
        self._listeners: Listeners[Sequence[Revocation]] = Listeners()

    @classmethod
    def from_url(cls, url: str, *, pool_size: int | None = None) -> "SqlStorage":
        """Make one from `sqlite:///path` or `postgresql://…`.

        `pool_size` is that of `create_engine`, for each of its three pools: transactions, single
        reads, and renewals. Raises `ConfigurationError`.
        """
        engine = create_engine(url, pool_size=pool_size)
        return cls(engine, create_engine(url, autocommit=True, pool_size=pool_size))

    @property
    def name(self) -> str:
        """What to call the database in messages: without user and password."""
        return database_name(self._engine)

    async def open(self, *, migrate: bool, access: timedelta | None = None) -> None:
        with opening(self._engine):
            if await self._pooler.shares_sessions():
                raise ConfigurationError(SHARED_SESSIONS)
            if migrate:
                await TOKENPAIR_MIGRATIONS.upgrade(self._engine)
            elif not await TOKENPAIR_MIGRATIONS.is_current(self._engine):
                raise ConfigurationError(not_migrated(self._engine, _UPGRADE))
        if access is not None:
            await self._raise_access_lifetime(access)

    async def _raise_access_lifetime(self, access: timedelta) -> None:
        # Mostly there is nothing to write: a start takes no lock for it.
        known = await self.access_lifetime()
        if known is None or known < access:
            await self._write_access_lifetime(access, lower=False)

    async def _write_access_lifetime(self, access: timedelta, *, lower: bool) -> None:
        async with self._writing() as connection:
            await access_lifetime.write(connection, access, lower=lower)

    async def access_lifetime(self) -> timedelta | None:
        """Return the longest access lifetime in use; None if no worker has ever opened."""
        async with answering(self._engine), self._autocommit.connect() as connection:
            return await access_lifetime.read(connection)

    async def set_access_lifetime(self, access: timedelta) -> None:
        """Set the longest access lifetime in use, also to a shorter one: an operator decides it.

        What is revoked from now on is in force for as long, and `revocation.MARGIN`.
        """
        await self._write_access_lifetime(access, lower=True)

    async def close(self) -> None:
        async with AsyncExitStack() as stack:  # Each, whatever becomes of the others.
            stack.push_async_callback(self._engine.dispose)
            stack.push_async_callback(self._autocommit.dispose)
            stack.push_async_callback(self._feed.close)
            stack.push_async_callback(self._renewals.close)

    @asynccontextmanager
    async def begin(self) -> AsyncIterator["SqlUnitOfWork"]:
        async with self._writing() as connection:
            tx = SqlUnitOfWork(connection)
            yield tx
        if tx.revocations:
            self._listeners.tell(tx.revocations)

    @asynccontextmanager
    async def _writing(self) -> AsyncIterator[AsyncConnection]:
        async with answering(self._engine), self._turn, self._engine.begin() as connection:
            if not self._is_sqlite:
                await connection.execute(_INSIST)
            yield connection

    @asynccontextmanager
    async def reading(self) -> AsyncIterator["SqlUnitOfWork"]:
        async with answering(self._engine), self._autocommit.connect() as connection:
            yield SqlUnitOfWork(connection)

    def listen(self, listener: Callable[[Sequence[Revocation]], None]) -> None:
        self._listeners.add(listener)

    async def read_feed(self, position: FeedPosition | None, *, reload: bool = False) -> FeedPage:
        return await self._feed.read(position, reload=reload)

    async def renew(
        self, token: FullRefreshClaims, now: datetime, windows: Windows
    ) -> SessionState | None:
        return await self._renewals.renew(token, now, windows)

    async def session_state(
        self, user_id: UUID, session_id: UUID, now: datetime
    ) -> SessionState | None:
        async with answering(self._engine), self._autocommit.connect() as connection:
            return await read_session_state(connection, user_id, session_id, now)

    async def prune(self, now: datetime, limit: int) -> int:
        async with self._writing() as connection:
            return await prune(connection, now, limit)

    async def health(self, now: datetime) -> Health:
        # Not the other engine: on SQLite it would take the write lock.
        engine = self._autocommit
        async with answering(engine):
            if await self._pooler.shares_sessions_now():
                return Health(database=Condition.FAILING, reasons=(SHARED_SESSIONS,))
            clock = await self._check_clock(now)
            migrations = await TOKENPAIR_MIGRATIONS.health(engine)
        reasons = {
            f"this machine's clock and that of {self.name} disagree": clock,
            not_migrated(engine, _UPGRADE): migrations,
        }
        return Health(
            database=Condition.OK,
            migrations=migrations,
            clock=clock,
            reasons=tuple(each for each, is_so in reasons.items() if is_so is Condition.FAILING),
        )

    async def _check_clock(self, now: datetime) -> Condition:
        began = time.monotonic()
        async with self._autocommit.connect() as connection:
            if self._is_sqlite:  # It has no clock but this machine's.
                await connection.execute(sa.select(1))
                return Condition.OK
            theirs = (await connection.execute(sa.select(sa.func.clock_timestamp()))).scalar_one()
        waited = timedelta(seconds=time.monotonic() - began)
        return Condition.OK if clocks_agree(now, theirs, waited) else Condition.FAILING


def clocks_agree(ours: datetime, theirs: datetime, waited: timedelta) -> bool:
    """Say whether the database's clock is right by ours, which was read `waited` ago."""
    return -MAX_CLOCK_DRIFT <= theirs - ours <= waited + MAX_CLOCK_DRIFT


def _by_the_driver(
    engine: AsyncEngine, turn: AbstractAsyncContextManager[None]
) -> tuple[Renewals, RevocationReader]:
    """Make what goes without SQLAlchemy, because it goes on all the time."""
    if isinstance(turn, WriteLock):
        path = str(engine.url.database)
        return SqliteRenewals(path, turn), SqliteFeed(path)
    # Imported here: asyncpg is an extra, and `create_engine` has seen that it is there.
    from tokenpair.stores.sql.postgres.feed import PostgresFeed  # noqa: PLC0415
    from tokenpair.stores.sql.postgres.renewals import PostgresRenewals  # noqa: PLC0415

    connector = engine.sync_engine.get_execution_options()[CONNECTOR]
    pool = engine.sync_engine.pool
    size = pool.size() if isinstance(pool, sa.QueuePool) else default_pool_size()
    renewals = PostgresRenewals(connector, size=size, patience=POOL_SECONDS)
    return renewals, PostgresFeed(connector)


class SqlUnitOfWork:
    """Both stores, on one connection."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._events = SqlEvents(connection)
        self.users: SqlUsers = SqlUsers(connection, self._events)
        self.sessions: SqlSessions = SqlSessions(connection, self._events)
        self._connection = connection

    async def record(self, *events: RecordedEvent) -> None:
        await self._events.record(*events)

    @property
    def recorded(self) -> Sequence[RecordedEvent]:
        return self._events.recorded

    @property
    def revocations(self) -> Sequence[Revocation]:
        """The revocations that this unit of work has written."""
        return self._events.revocations

    async def clear(self) -> None:
        """Remove every account and session; for tests."""
        await self._connection.execute(session_table.delete())
        await self._connection.execute(user_table.delete())
