"""What reads the feed of revocations in SQL. `events` writes it.

How it is read without missing what is committed out of order or after a restored backup:
`sqlite/feed.py`, `postgres/feed.py`.
"""

from datetime import datetime
from typing import Protocol
from uuid import UUID

from tokenpair.core.sessions.revocation import Revocation
from tokenpair.ports import FeedPage, FeedPosition


class RevocationReader(Protocol):
    """What reads the feed: one class for each database."""

    async def read(self, position: FeedPosition | None, *, reload: bool) -> FeedPage:
        """As `ports.Storage.read_feed`."""
        ...

    async def close(self) -> None:
        """Let go of the connection."""
        ...


def to_revocation(
    session_id: UUID | None,
    user_id: UUID | None,
    min_version: int | None,
    recorded_at: datetime,
    until: datetime,
) -> Revocation:
    """Read a row of the feed."""
    return Revocation(
        session_id=session_id,
        user_id=user_id,
        min_version=min_version or 0,
        recorded_at=recorded_at,
        until=until,
    )
