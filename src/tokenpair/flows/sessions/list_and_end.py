"""List a user's sessions, and end one of them."""

from dataclasses import dataclass
from uuid import UUID

from tokenpair.core.sessions.rule import EndReason, Session
from tokenpair.errors import NotFound
from tokenpair.ports import Clock, Storage


@dataclass(frozen=True, kw_only=True)
class ListSessions:
    """Return a user's live sessions, newest first."""

    storage: Storage
    clock: Clock

    async def __call__(self, user_id: UUID) -> list[Session]:
        """Return an empty list for an unknown user."""
        async with self.storage.reading() as look:
            return await look.sessions.live(user_id, self.clock())


@dataclass(frozen=True, kw_only=True)
class EndSession:
    """End one of a user's sessions."""

    storage: Storage
    clock: Clock

    async def __call__(self, user_id: UUID, session_id: UUID) -> None:
        """Raises `NotFound` for an unknown session, an ended one, and one of another user."""
        now = self.clock()
        async with self.storage.begin() as tx:
            found = await tx.sessions.lock(user_id, session_id)
            if not found or not found[0].is_live(now):
                raise NotFound("no live session of this user")
            await tx.sessions.end(user_id, session_id, EndReason.ENDED_BY_USER, now)
