"""The feed of revocations in SQL: written with what it tells of, in the same transaction.

How it is read, without missing what is committed out of order or after a restored backup:
`sqlite_feed`, `postgres_feed`.
"""

from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from tokenpair.core.sessions.revocation import Revocation
from tokenpair.ports import FeedPage, FeedPosition
from tokenpair.stores.sql.access_lifetime import end_of_force
from tokenpair.stores.sql.expressions import now, this_transaction
from tokenpair.stores.sql.tables import revocation_table

_r = revocation_table.c
_COLUMNS = (_r.session_id, _r.user_id, _r.min_version, _r.recorded_at, _r.until)


class RevocationReader(Protocol):
    """What reads the feed: one class for each database."""

    async def read(self, position: FeedPosition | None, *, reload: bool) -> FeedPage:
        """As `ports.Storage.read_feed`."""
        ...

    async def close(self) -> None:
        """Let go of the connection."""
        ...


class SqlRevocations:
    """Writes the feed, on one connection, and keeps what was written to be told."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection
        self.recorded: list[Revocation] = []

    async def session_ended(self, *session_ids: UUID) -> None:
        """Record that the tokens of these sessions are dead."""
        await self._record([{"session_id": each} for each in session_ids])

    async def user_changed(self, user_id: UUID, version: int) -> None:
        """Record that a user's tokens before this version are stale."""
        await self._record([{"user_id": user_id, "min_version": version}])

    async def _record(self, rows: list[dict[str, Any]]) -> None:
        if not rows:
            return
        common = {"recorded_at": now(), "until": end_of_force(), "xid": this_transaction()}
        written = await self._connection.execute(
            revocation_table.insert().values([row | common for row in rows]).returning(*_COLUMNS)
        )
        self.recorded += [to_revocation(*row) for row in written]


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
