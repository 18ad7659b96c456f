"""The reference storage: everything in dictionaries, the rule carried out by `judge` itself.

For tests and for reading. It forgets everything when the process ends.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from tokenpair.core.claims import FullRefreshClaims
from tokenpair.core.email import EmailAddress
from tokenpair.core.health import Condition, Health
from tokenpair.core.revocation import KEPT, MARGIN, UNKNOWN_ACCESS, Revocation
from tokenpair.core.session import (
    EndReason,
    Session,
    Standing,
    StoredSession,
    Verdict,
    Windows,
    advance,
    judge,
)
from tokenpair.core.user import StoredUser, User
from tokenpair.errors import EmailTaken
from tokenpair.ports import FeedPage, FeedPosition


@dataclass(slots=True)
class _Tables:
    users: dict[UUID, StoredUser] = field(default_factory=dict)
    sessions: dict[UUID, StoredSession] = field(default_factory=dict)
    revocations: dict[int, Revocation] = field(default_factory=dict)  # Numbered from 0.
    revoked: int = 0
    longest_access: timedelta | None = None

    def copy(self) -> "_Tables":
        return replace(
            self,
            users=dict(self.users),
            sessions=dict(self.sessions),
            revocations=dict(self.revocations),
        )

    def user_of(self, session: StoredSession) -> User | None:
        found = self.users.get(session.user_id)
        return found.user if found else None

    def revoked_since(self, number: int) -> list[Revocation]:
        return [entry for each, entry in self.revocations.items() if each >= number]

    def revoke(
        self, *, session_id: UUID | None = None, user_id: UUID | None = None, min_version: int = 0
    ) -> None:
        now = datetime.now(UTC)
        self.revocations[self.revoked] = Revocation(
            session_id=session_id,
            user_id=user_id,
            min_version=min_version,
            recorded_at=now,
            until=now + (self.longest_access or UNKNOWN_ACCESS) + MARGIN,
        )
        self.revoked += 1


class MemoryStorage:
    """A `Storage` in memory. One unit of work at a time, on a copy that is swapped in."""

    is_private = True

    def __init__(self) -> None:
        self._tables = _Tables()
        self._lock = asyncio.Lock()
        self._hearers: list[Callable[[Sequence[Revocation]], None]] = []

    async def open(self, *, migrate: bool, access: timedelta | None = None) -> None:  # noqa: ARG002
        """Nothing to open, nothing to migrate."""
        known = self._tables.longest_access
        if access is not None and (known is None or known < access):
            self._tables.longest_access = access

    async def close(self) -> None:
        """Nothing to close, but the lock may belong to an event loop that is over."""
        self._lock = asyncio.Lock()

    @asynccontextmanager
    async def begin(self) -> AsyncIterator["MemoryUnitOfWork"]:
        """Open a unit of work on a copy; swap it in at the end, drop it on an error."""
        async with self._lock:
            tables = self._tables.copy()
            yield MemoryUnitOfWork(tables)
            news = tables.revoked_since(self._tables.revoked)
            self._tables = tables
        for hear in self._hearers:
            hear(news)

    @asynccontextmanager
    async def reading(self) -> AsyncIterator["MemoryUnitOfWork"]:
        """Look at a copy, which is dropped."""
        yield MemoryUnitOfWork(self._tables.copy())

    async def renew(
        self, token: FullRefreshClaims, now: datetime, windows: Windows
    ) -> Standing | None:
        """Judge and carry out."""
        async with self._lock:
            if not (found := self._tables.sessions.get(token.session_id)):
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
            self._tables.sessions[session.id] = session
            return Standing.of(session, user)

    def listen(self, hear: Callable[[Sequence[Revocation]], None]) -> None:
        """Remember whom to tell, and tell what is in force."""
        self._hearers.append(hear)
        hear(self._tables.revoked_since(0))

    async def read_feed(self, position: FeedPosition | None, *, reload: bool = False) -> FeedPage:
        """Return what has been added since; a position counts what there was."""
        entries = self._tables.revoked_since(position[0] if position and not reload else 0)
        position = (self._tables.revoked, 0)
        return FeedPage(entries=entries, position=position, now=datetime.now(UTC))

    async def standing(self, session_id: UUID, now: datetime) -> Standing | None:
        """Look the session and its user up."""
        session = self._tables.sessions.get(session_id)
        user = self._tables.user_of(session) if session else None
        if session and user and session.is_live(now) and user.is_enabled:
            return Standing.of(session, user)
        return None

    async def prune(self, now: datetime, limit: int) -> int:
        """Remove it; whoever is at it lets nobody else in between."""
        clock = datetime.now(UTC)
        sessions, revocations = self._tables.sessions, self._tables.revocations
        day_ago = min(now, clock) - timedelta(days=1)
        removed = 0
        expired = {each.id: each.expires_at for each in sessions.values()}
        ended = {each.id: each.ended_at for each in sessions.values() if each.ended_at}
        for moments in (expired, ended):
            over = [each for each, at in moments.items() if at < day_ago and each in sessions]
            for session_id in sorted(over, key=moments.__getitem__)[:limit]:
                del sessions[session_id]
                removed += 1
        kept = min(now, clock) - KEPT
        for number in [each for each, entry in revocations.items() if entry.until < kept][:limit]:
            del revocations[number]
            removed += 1
        return removed

    async def check(self, now: datetime) -> Health:  # noqa: ARG002
        """Memory always answers, and has no clock but this machine's."""
        return Health(database=Condition.OK, migrations=Condition.OK, clock=Condition.OK)


class MemoryUnitOfWork:
    """Both stores, over one copy of the tables."""

    def __init__(self, tables: _Tables) -> None:
        self.users: MemoryUsers = MemoryUsers(tables)
        self.sessions: MemorySessions = MemorySessions(tables)
        self._tables = tables

    async def clear(self) -> None:
        """Remove every account and session; for tests."""
        self._tables.users.clear()
        self._tables.sessions.clear()


class MemoryUsers:
    """`ports.Users` over a dictionary."""

    def __init__(self, tables: _Tables) -> None:
        self._tables = tables
        self._users = tables.users

    async def add(self, user: StoredUser) -> None:
        if await self.by_email(user.user.email):
            raise EmailTaken
        self._users[user.user.id] = user

    async def get(self, user_id: UUID) -> User | None:
        found = self._users.get(user_id)
        return found.user if found else None

    async def lock(self, user_id: UUID) -> StoredUser | None:
        return self._users.get(user_id)

    async def by_email(self, email: EmailAddress) -> StoredUser | None:
        canonical = email.canonical
        return next(
            (each for each in self._users.values() if each.user.email.canonical == canonical), None
        )

    async def list(self, *, limit: int) -> list[User]:
        newest = sorted(self._users, reverse=True)[:limit]
        return [self._users[user_id].user for user_id in newest]

    async def set_password_hash(self, user_id: UUID, password_hash: str, *, replacing: str) -> bool:
        found = self._users.get(user_id)
        if not found or found.password_hash != replacing:
            return False
        self._users[user_id] = replace(found, password_hash=password_hash)
        return True

    async def set_profile(self, user_id: UUID, profile: dict[str, Any]) -> bool:
        return self._put(user_id, profile=profile) is not None

    async def set_roles(self, user_id: UUID, roles: frozenset[str]) -> bool:
        user = await self.get(user_id)
        if user and user.roles != roles:
            self._put(user_id, roles=roles, version=user.version + 1)
            self._tables.revoke(user_id=user_id, min_version=user.version + 1)
        return user is not None

    async def set_disabled(self, user_id: UUID, at: datetime | None) -> bool:
        return self._put(user_id, disabled_at=at) is not None

    def _put(self, user_id: UUID, **changes: Any) -> User | None:  # noqa: ANN401
        if not (found := self._users.get(user_id)):
            return None
        user = replace(found.user, **changes)
        self._users[user_id] = replace(found, user=user)
        return user


class MemorySessions:
    """`ports.Sessions` over a dictionary."""

    def __init__(self, tables: _Tables) -> None:
        self._tables = tables
        self._sessions = tables.sessions

    async def add(self, session: StoredSession) -> None:
        self._sessions[session.id] = session

    async def lock(self, session_id: UUID) -> tuple[StoredSession, User] | None:
        session = self._sessions.get(session_id)
        user = self._tables.user_of(session) if session else None
        return (session, user) if session and user else None

    async def live(self, user_id: UUID, now: datetime) -> list[Session]:
        mine = [s for s in self._sessions.values() if s.user_id == user_id and s.is_live(now)]
        newest_first = sorted(
            mine, key=lambda session: (session.created_at, session.id), reverse=True
        )
        return [session.public for session in newest_first]

    async def end(self, session_id: UUID, reason: EndReason, now: datetime) -> bool:
        session = self._sessions.get(session_id)
        if not session or session.ended_at:
            return False
        self._sessions[session_id] = replace(session, ended_at=now, end_reason=reason)
        self._tables.revoke(session_id=session_id)
        return True

    async def end_all(self, user_id: UUID, reason: EndReason, now: datetime) -> int:
        mine = [s.id for s in self._sessions.values() if s.user_id == user_id]
        return sum([await self.end(session_id, reason, now) for session_id in mine])
