"""The sessions, as a port."""

from datetime import datetime
from typing import Protocol
from uuid import UUID

from tokenpair.core.accounts.user import User
from tokenpair.core.sessions.rule import EndReason, Session, StoredSession


class Sessions(Protocol):
    """The sessions, inside a unit of work. An ended session never lives again.

    Whatever ends one also records it in the feed, in the same unit of work.
    """

    async def add(self, session: StoredSession) -> None:
        """Store a new session. Its user's row should be locked: see `Users.lock`."""
        ...

    async def lock(self, session_id: UUID) -> tuple[StoredSession, User] | None:
        """Give the session and its user as committed now, and keep renewals out until the end.

        None for an unknown session, or one whose user is gone.
        """
        ...

    async def live(self, user_id: UUID, now: datetime) -> list[Session]:
        """Give the user's sessions that are live at `now`, newest first."""
        ...

    async def end(self, session_id: UUID, reason: EndReason, now: datetime) -> bool:
        """End the session. False when there is none, or it has ended already."""
        ...

    async def end_all(self, user_id: UUID, reason: EndReason, now: datetime) -> int:
        """End all sessions of the user that have not ended; give their number."""
        ...
