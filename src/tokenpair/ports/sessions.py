"""The sessions, as a port."""

from datetime import datetime
from typing import Protocol
from uuid import UUID

from tokenpair.core.accounts.user import User
from tokenpair.core.sessions.rule import EndReason, Session, StoredSession


class Sessions(Protocol):
    """The sessions, inside a unit of work. An ended session never lives again.

    Each method that ends one records a `SessionEnded` for it: see `UnitOfWork.record`.
    """

    async def add(self, session: StoredSession) -> None:
        """Store a new session. Its user's row should be locked: see `Users.lock`."""
        ...

    async def lock(self, user_id: UUID, session_id: UUID) -> tuple[StoredSession, User] | None:
        """Return the user's session, and the user, as committed now.

        No renewal of the session happens until the unit of work ends. None when the user has no
        session of this id, or does not exist.
        """
        ...

    async def live(self, user_id: UUID, now: datetime) -> list[Session]:
        """Give the user's sessions that are live at `now`, newest first."""
        ...

    async def end(self, user_id: UUID, session_id: UUID, reason: EndReason, now: datetime) -> bool:
        """End the user's session. False when the user has none of this id, or it has ended."""
        ...

    async def end_all(self, user_id: UUID, reason: EndReason, now: datetime) -> int:
        """End all sessions of the user that have not ended; give their number."""
        ...
