"""The feed of revocations in SQL: written with what it tells of, and read in small pages.

What a reader must not miss is a row that was committed after others with a higher id. SQLite
has one writer, so there is none: the rows after the last id are the news (`sqlite.SqliteFeed`).
On PostgreSQL each row has the id of its transaction, and a reader asks for those that had not
all ended when it last looked. A transaction that stays open for ever must not make the pages
grow: writers are given 15 s, and so rows older than a minute are not read again.
"""

import asyncio
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Dialect
from sqlalchemy.ext.asyncio import AsyncConnection

from tokenpair.core.revocation import Revocation
from tokenpair.ports import FeedPage, FeedPosition
from tokenpair.stores.sql.tables import UtcDateTime, revocation_table

WRITER_SECONDS = 15
"""So long a unit of work may take that ends something."""

_OVERLAP = timedelta(seconds=60)
# So many rows are read before requests have their turn again: about ten milliseconds' worth.
_AT_ONCE = 1000
_r = revocation_table.c
_COLUMNS = (_r.session_id, _r.user_id, _r.min_version, _r.recorded_at, _r.until)

# PostgreSQL counts transactions in 64 bits; all that began before the first and have not ended.
_THIS_TRANSACTION = sa.cast(sa.cast(sa.func.pg_current_xact_id(), sa.Text), sa.BigInteger)
_OLDEST_RUNNING = sa.cast(
    sa.cast(sa.func.pg_snapshot_xmin(sa.func.pg_current_snapshot()), sa.Text), sa.BigInteger
)


class SqlRevocations:
    """Writes the feed, on one connection, and keeps what was written to be told."""

    def __init__(self, connection: AsyncConnection, lasting: timedelta) -> None:
        """`lasting` is how long an entry stays in force."""
        self._connection = connection
        self._lasting = lasting
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
        dialect = self._connection.dialect
        moments = {"recorded_at": now(dialect), "until": now(dialect, plus=self._lasting)}
        if dialect.name == "postgresql":
            moments["xid"] = _THIS_TRANSACTION
        written = await self._connection.execute(
            revocation_table.insert().values([row | moments for row in rows]).returning(*_COLUMNS)
        )
        self.recorded += [_to_revocation(*row) for row in written]


def now(dialect: Dialect, *, plus: timedelta = timedelta(0)) -> sa.ColumnElement[Any]:
    """Give the time by the database's clock, in the form of `UtcDateTime`."""
    if dialect.name == "postgresql":
        return sa.func.clock_timestamp() + plus
    # Milliseconds are all that SQLite has.
    modifier = f"{plus.total_seconds():+} seconds"
    return sa.func.strftime("%Y-%m-%d %H:%M:%f000", "now", modifier)


async def read_page(connection: AsyncConnection, position: FeedPosition | None) -> FeedPage:
    """Read what is new from PostgreSQL, on a connection where each statement stands alone."""
    # Asked before the rows are: what ends in between is read now, and once more the next time.
    time = sa.type_coerce(sa.func.clock_timestamp(), UtcDateTime)
    asked, oldest = (await connection.execute(sa.select(time, _OLDEST_RUNNING))).one()
    query = sa.select(*_COLUMNS)
    if position is None or oldest < position[0]:  # Another server, with another count.
        query = query.where(_r.until > asked)
    else:
        query = query.where(_r.xid >= position[0], _r.recorded_at > asked - _OVERLAP)
    found = await connection.execute(query)
    entries: list[Revocation] = []
    while rows := found.fetchmany(_AT_ONCE):
        entries += [_to_revocation(*row) for row in rows]
        await asyncio.sleep(0)
    return FeedPage(entries=entries, position=(oldest, 0), now=asked)


def _to_revocation(
    session_id: UUID | None,
    user_id: UUID | None,
    min_version: int | None,
    recorded_at: datetime,
    until: datetime,
) -> Revocation:
    return Revocation(
        session_id=session_id,
        user_id=user_id,
        min_version=min_version or 0,
        recorded_at=recorded_at,
        until=until,
    )
