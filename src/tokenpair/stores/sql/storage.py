"""`ports.Storage` in SQL: SQLite for one machine, PostgreSQL for more."""

import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

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
from tokenpair.stores.sql.backend import Backend
from tokenpair.stores.sql.engine import make_backend
from tokenpair.stores.sql.events import SqlEvents
from tokenpair.stores.sql.export import SqlExport
from tokenpair.stores.sql.limits import SqlLimits
from tokenpair.stores.sql.migrate import TOKENPAIR_MIGRATIONS, not_migrated, require_migrated
from tokenpair.stores.sql.one_time import SqlOneTimeTokens
from tokenpair.stores.sql.outbox import SqlOutbox
from tokenpair.stores.sql.prune import prune
from tokenpair.stores.sql.session_state import read_session_state
from tokenpair.stores.sql.sessions import SqlSessions
from tokenpair.stores.sql.tables import (
    limit_table,
    one_time_table,
    outbox_table,
    session_table,
    user_table,
)
from tokenpair.stores.sql.timeouts import DEFAULT_TIMEOUTS, Timeouts

_UPGRADE = "tokenpair db upgrade"

MAX_CLOCK_DRIFT = timedelta(seconds=2)
"""Largest difference between a worker's clock and the database's that is still healthy.

Well within the repeat window, which workers with different clocks must agree on.
"""


class SqlStorage:
    """A `Storage` on SQLite (3.35 or newer) or PostgreSQL."""

    is_private = False

    def __init__(self, backend: Backend) -> None:
        """Use `SqlStorage.from_url`."""
        self._backend = backend
        self._listeners: Listeners[Sequence[Revocation]] = Listeners()
        self.limits: SqlLimits = SqlLimits(self._reading, self._counting)

    @classmethod
    def from_url(
        cls,
        url: str,
        *,
        pool_size: int | None = None,
        renewal_lanes: int | None = None,
        timeouts: Timeouts = DEFAULT_TIMEOUTS,
    ) -> "SqlStorage":
        """Make one from `sqlite:///path` or `postgresql://…`.

        `pool_size` is that of `create_engine`, for each of its three pools: transactions, single
        reads, and renewals. On PostgreSQL, `renewal_lanes` of the last pool's connections (None: 2)
        are for renewals that share a statement. Pass 0 if the sessions are distributed over several
        nodes: each renewal then sends a statement of its own. `open` recognises Citus.

        Raises `ConfigurationError`.
        """
        return cls(
            make_backend(url, pool_size=pool_size, renewal_lanes=renewal_lanes, timeouts=timeouts)
        )

    @property
    def name(self) -> str:
        """The database's name in messages: without user and password."""
        return self._backend.name

    async def open(self, *, migrate: bool, access: timedelta | None = None) -> None:
        with self._backend.errors.translated_at_start():
            if problem := await self._backend.setup_problem(at_start=True):
                raise ConfigurationError(problem)
            await require_migrated(
                self._backend, [TOKENPAIR_MIGRATIONS], migrate=migrate, command=_UPGRADE
            )
            await self._backend.inspect()
        if access is not None:
            await self._raise_access_lifetime(access)

    async def _raise_access_lifetime(self, access: timedelta) -> None:
        # Usually there is nothing to write, and the start takes no lock.
        known = await self.access_lifetime()
        if known is None or known < access:
            await self._write_access_lifetime(access, lower=False)

    async def _write_access_lifetime(self, access: timedelta, *, lower: bool) -> None:
        async with self._writing() as connection:
            await access_lifetime.write(connection, access, lower=lower)

    async def access_lifetime(self) -> timedelta | None:
        """Return the longest access lifetime in use; None if no worker has ever opened."""
        async with self._reading() as connection:
            return await access_lifetime.read(connection)

    async def set_access_lifetime(self, access: timedelta) -> None:
        """Set the longest access lifetime in use, also to a shorter one, as an operator decides.

        A revocation that is recorded from now on is in force for as long, and `revocation.MARGIN`.
        """
        await self._write_access_lifetime(access, lower=True)

    async def close(self) -> None:
        await self._backend.close()

    @asynccontextmanager
    async def begin(self) -> AsyncIterator["SqlUnitOfWork"]:
        async with self._writing() as connection:
            tx = SqlUnitOfWork(connection)
            yield tx
        if tx.revocations:
            self._listeners.tell(tx.revocations)

    @asynccontextmanager
    async def reading(self) -> AsyncIterator["SqlUnitOfWork"]:
        async with self._reading() as connection:
            yield SqlUnitOfWork(connection)

    def listen(self, listener: Callable[[Sequence[Revocation]], None]) -> None:
        self._listeners.add(listener)

    async def read_feed(self, position: FeedPosition | None, *, reload: bool = False) -> FeedPage:
        return await self._backend.feed.read(position, reload=reload)

    async def renew(
        self, token: FullRefreshClaims, now: datetime, windows: Windows
    ) -> SessionState | None:
        return await self._backend.renewals.renew(token, now, windows)

    async def session_state(
        self, user_id: UUID, session_id: UUID, now: datetime
    ) -> SessionState | None:
        async with self._reading() as connection:
            return await read_session_state(connection, user_id, session_id, now)

    async def prune(self, now: datetime, limit: int) -> int:
        async with self._writing() as connection:
            return await prune(connection, now, limit)

    async def health(self, now: datetime) -> Health:
        began = time.monotonic()
        # Not the other engine: on SQLite it would take the write lock.
        engine = self._backend.autocommit
        async with self._translated():
            if problem := await self._backend.setup_problem(at_start=False):
                return Health(database=Condition.FAILING, reasons=(problem,))
            elapsed = timedelta(seconds=time.monotonic() - began)
            clock = await self._clock_health(now + elapsed)
            migrations = await TOKENPAIR_MIGRATIONS.health(engine)
        reasons = {
            f"this machine's clock and that of {self.name} disagree": clock,
            not_migrated(self._backend, _UPGRADE): migrations,
        }
        return Health(
            database=Condition.OK,
            migrations=migrations,
            clock=clock,
            reasons=tuple(each for each, is_so in reasons.items() if is_so is Condition.FAILING),
        )

    async def _clock_health(self, now: datetime) -> Condition:
        began = time.monotonic()
        async with self._backend.autocommit.connect() as connection:
            theirs = await self._backend.read_clock(connection)
        waited = timedelta(seconds=time.monotonic() - began)
        is_right = theirs is None or clocks_agree(now, theirs, waited)
        return Condition.OK if is_right else Condition.FAILING

    @asynccontextmanager
    async def _reading(self) -> AsyncIterator[AsyncConnection]:
        async with self._translated(), self._backend.autocommit.connect() as connection:
            yield connection

    @asynccontextmanager
    async def _writing(self) -> AsyncIterator[AsyncConnection]:
        backend = self._backend
        async with self._translated(), backend.write_lock, backend.engine.begin() as connection:
            await backend.begin_unit(connection)
            yield connection

    @asynccontextmanager
    async def _counting(self) -> AsyncIterator[AsyncConnection]:
        async with self._translated(), self._backend.counting() as connection:
            yield connection

    def _translated(self) -> AbstractAsyncContextManager[None]:
        return self._backend.errors.translated(self._backend.timeouts)


def clocks_agree(ours: datetime, theirs: datetime, waited: timedelta) -> bool:
    """Return whether the database's clock agrees with ours, which was read `waited` ago."""
    return -MAX_CLOCK_DRIFT <= theirs - ours <= waited + MAX_CLOCK_DRIFT


class SqlUnitOfWork:
    """Both stores, on one connection."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._events = SqlEvents(connection)
        self.users: SqlUsers = SqlUsers(connection, self._events)
        self.sessions: SqlSessions = SqlSessions(connection, self._events)
        self.one_time: SqlOneTimeTokens = SqlOneTimeTokens(connection)
        self.outbox: SqlOutbox = SqlOutbox(connection)
        self.export: SqlExport = SqlExport(connection)
        self.connection: AsyncConnection = connection

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
        """Remove every account, session and counter; for tests."""
        for table in (session_table, user_table, one_time_table, outbox_table, limit_table):
            await self.connection.execute(table.delete())
