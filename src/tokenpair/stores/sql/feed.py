"""What the two readers of the feed of revocations share. `events` writes the feed.

`sqlite/feed.py` and `postgres/feed.py` say how they miss no row when transactions commit out of
order, or when a backup is restored.
"""

from datetime import datetime
from typing import Protocol
from uuid import UUID

from tokenpair.core.sessions.revocation import Revocation
from tokenpair.ports import FeedPage, FeedPosition


class RevocationReader(Protocol):
    """Reads the feed; one class for each database engine."""

    async def read(self, position: FeedPosition | None, *, reload: bool) -> FeedPage:
        """As `ports.Storage.read_feed`."""
        ...

    async def close(self) -> None:
        """Close the connection."""
        ...


def to_revocation(
    session_id: UUID | None,
    user_id: UUID | None,
    min_version: int | None,
    recorded_at: datetime,
    until: datetime,
) -> Revocation:
    """Return the entry of a row."""
    return Revocation(
        session_id=session_id,
        user_id=user_id,
        min_version=min_version or 0,
        recorded_at=recorded_at,
        until=until,
    )
