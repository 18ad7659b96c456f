"""Port of the sessions."""

from datetime import datetime
from typing import Protocol
from uuid import UUID

from tokenpair.core.accounts.user import User
from tokenpair.core.sessions.rule import EndReason, Session, StoredSession


class Sessions(Protocol):
    """The sessions, inside a unit of work.

    A session's key is its user's id and its own, so a storage can distribute sessions by user. An
    ended session stays ended. Each method that ends one records a `SessionEnded` for it
    (`UnitOfWork.record`).
    """

    async def add(self, session: StoredSession) -> None:
        """Store a new session. The caller has locked its user (`Users.lock`)."""
        ...

    async def lock(self, user_id: UUID, session_id: UUID) -> tuple[StoredSession, User] | None:
        """Return the user's session and the user as committed now, and lock the session.

        Renewals of the session wait until the unit of work ends. None when the user does not
        exist or has no session with this id.
        """
        ...

    async def live(self, user_id: UUID, now: datetime) -> list[Session]:
        """Return the user's sessions that are live at `now`, newest first."""
        ...

    async def set_authenticated(
        self, user_id: UUID, session_id: UUID, amr: frozenset[str], now: datetime
    ) -> bool:
        """Set `authenticated_at` to `now`, and `amr`, if the session is live at `now`.

        Return False, and change nothing, when the user has no such session.
        """
        ...

    async def end(self, user_id: UUID, session_id: UUID, reason: EndReason, now: datetime) -> bool:
        """End the session; return False when the user has none with this id, or it has ended."""
        ...

    async def end_all(
        self, user_id: UUID, reason: EndReason, now: datetime, *, keep: UUID | None = None
    ) -> int:
        """End all sessions of the user that have not ended, but for `keep`; return their number."""
        ...
