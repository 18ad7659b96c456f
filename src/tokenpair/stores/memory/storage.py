"""The reference storage: dictionaries, with renewals by `rule.judge` itself.

For tests, and to read. Its content ends with the process.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

from tokenpair.core.events import RecordedEvent
from tokenpair.core.health import Condition, Health
from tokenpair.core.sessions.revocation import Revocation
from tokenpair.core.sessions.rule import (
    SessionState,
    Verdict,
    Windows,
    advance,
    judge,
)
from tokenpair.core.tokens.claims import FullRefreshClaims
from tokenpair.listeners import Listeners
from tokenpair.ports import FeedPage, FeedPosition
from tokenpair.stores.memory.accounts import MemoryUsers
from tokenpair.stores.memory.events import MemoryEvents
from tokenpair.stores.memory.export import MemoryExport
from tokenpair.stores.memory.limits import MemoryLimits
from tokenpair.stores.memory.one_time import MemoryOneTimeTokens
from tokenpair.stores.memory.outbox import MemoryOutbox
from tokenpair.stores.memory.prune import prune
from tokenpair.stores.memory.sessions import MemorySessions
from tokenpair.stores.memory.tables import Tables


class MemoryStorage:
    """A `Storage` in memory. One unit of work at a time, on a copy that is swapped in."""

    is_private = True

    def __init__(self) -> None:
        self._tables = Tables()
        self._lock = asyncio.Lock()
        self.limits: MemoryLimits = MemoryLimits()
        self._listeners: Listeners[Sequence[Revocation]] = Listeners()

    async def open(self, *, migrate: bool, access: timedelta | None = None) -> None:  # noqa: ARG002
        """Remember `access`; there is nothing to connect or to migrate."""
        known = self._tables.longest_access
        if access is not None and (known is None or known < access):
            self._tables.longest_access = access

    async def close(self) -> None:
        """Replace the lock, which belongs to the event loop that used it."""
        self._lock = asyncio.Lock()

    @asynccontextmanager
    async def begin(self) -> AsyncIterator["MemoryUnitOfWork"]:
        """Open a unit of work on a copy, which replaces the tables at the end of the block."""
        async with self._lock:
            tables = self._tables.copy()
            tx = MemoryUnitOfWork(tables)
            yield tx
            self._tables = tables
        if tx.revocations:
            self._listeners.tell(tx.revocations)

    @asynccontextmanager
    async def reading(self) -> AsyncIterator["MemoryUnitOfWork"]:
        """Open a copy to read, which is then dropped."""
        yield MemoryUnitOfWork(self._tables.copy())

    async def renew(
        self, token: FullRefreshClaims, now: datetime, windows: Windows
    ) -> SessionState | None:
        """Apply the verdict of `rule.judge`."""
        async with self._lock:
            if not (found := self._tables.sessions.get((token.subject, token.session_id))):
                return None
            user = self._tables.user_of(found)
            if not user or not user.is_enabled:
                return None
            match judge(found, token, now, windows):
                case Verdict.ADVANCE:
                    session = advance(found, token, now)
                case Verdict.HOLD | Verdict.REPEAT:
                    session = replace(found, seen_at=now)
                case _:
                    return None
            self._tables.sessions[session.user_id, session.id] = session
            return SessionState.of(session, user)

    def listen(self, listener: Callable[[Sequence[Revocation]], None]) -> None:
        """Call `listener` now, with all that is in force, and after each commit."""
        self._listeners.add(listener)
        listener(self._tables.revoked_since(0))

    async def read_feed(self, position: FeedPosition | None, *, reload: bool = False) -> FeedPage:
        """Return the entries since `position`, which is the number of entries before it."""
        entries = self._tables.revoked_since(position[0] if position and not reload else 0)
        position = (self._tables.revoked, 0)
        return FeedPage(entries=entries, position=position, now=datetime.now(UTC))

    async def session_state(
        self, user_id: UUID, session_id: UUID, now: datetime
    ) -> SessionState | None:
        """Read the session and its user."""
        session = self._tables.sessions.get((user_id, session_id))
        user = self._tables.user_of(session) if session else None
        if session and user and session.is_live(now) and user.is_enabled:
            return SessionState.of(session, user)
        return None

    async def prune(self, now: datetime, limit: int) -> int:
        """Remove the rows in one go: no other coroutine runs meanwhile."""
        return prune(self._tables, now, limit)

    async def health(self, now: datetime) -> Health:  # noqa: ARG002
        """Memory is always reachable, and its clock is this machine's."""
        return Health(database=Condition.OK, migrations=Condition.OK, clock=Condition.OK)


class MemoryUnitOfWork:
    """Users, sessions and events, on one copy of the tables."""

    connection = None

    def __init__(self, tables: Tables) -> None:
        self._events = MemoryEvents(tables)
        self.users: MemoryUsers = MemoryUsers(tables, self._events)
        self.sessions: MemorySessions = MemorySessions(tables, self._events)
        self.one_time: MemoryOneTimeTokens = MemoryOneTimeTokens(tables)
        self.outbox: MemoryOutbox = MemoryOutbox(tables)
        self.export: MemoryExport = MemoryExport(tables)
        self._tables = tables

    async def record(self, *events: RecordedEvent) -> None:
        await self._events.record(*events)

    @property
    def recorded(self) -> Sequence[RecordedEvent]:
        return self._events.recorded

    @property
    def revocations(self) -> Sequence[Revocation]:
        """The revocations that this unit of work has added."""
        return self._events.revocations

    async def clear(self) -> None:
        """Remove every account and session; for tests."""
        self._tables.users.clear()
        self._tables.sessions.clear()
        self._tables.one_time.clear()
        self._tables.mails.clear()
