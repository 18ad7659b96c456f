"""The sessions in memory."""

from dataclasses import replace
from datetime import datetime
from uuid import UUID

from tokenpair.core.accounts.user import User
from tokenpair.core.events import SessionEnded
from tokenpair.core.sessions.rule import (
    EndReason,
    Session,
    StoredSession,
)
from tokenpair.stores.memory.events import MemoryEvents
from tokenpair.stores.memory.tables import Tables


class MemorySessions:
    """`ports.Sessions` over a dictionary."""

    def __init__(self, tables: Tables, events: MemoryEvents) -> None:
        self._tables = tables
        self._events = events
        self._sessions = tables.sessions

    async def add(self, session: StoredSession) -> None:
        self._sessions[session.user_id, session.id] = session

    async def lock(self, user_id: UUID, session_id: UUID) -> tuple[StoredSession, User] | None:
        session = self._sessions.get((user_id, session_id))
        user = self._tables.user_of(session) if session else None
        return (session, user) if session and user else None

    async def live(self, user_id: UUID, now: datetime) -> list[Session]:
        mine = [s for s in self._sessions.values() if s.user_id == user_id and s.is_live(now)]
        newest_first = sorted(
            mine, key=lambda session: (session.created_at, session.id), reverse=True
        )
        return [session.public for session in newest_first]

    async def set_authenticated(
        self, user_id: UUID, session_id: UUID, amr: frozenset[str], now: datetime
    ) -> bool:
        session = self._sessions.get((user_id, session_id))
        if not session or not session.is_live(now):
            return False
        self._sessions[user_id, session_id] = replace(session, authenticated_at=now, amr=amr)
        return True

    async def end(self, user_id: UUID, session_id: UUID, reason: EndReason, now: datetime) -> bool:
        session = self._sessions.get((user_id, session_id))
        if not session or session.ended_at:
            return False
        self._sessions[user_id, session_id] = replace(session, ended_at=now, end_reason=reason)
        await self._events.record(
            SessionEnded(user_id=user_id, session_id=session_id, reason=reason)
        )
        return True

    async def end_all(
        self, user_id: UUID, reason: EndReason, now: datetime, *, keep: UUID | None = None
    ) -> int:
        mine = [s.id for s in self._sessions.values() if s.user_id == user_id and s.id != keep]
        return sum([await self.end(user_id, session_id, reason, now) for session_id in mine])
