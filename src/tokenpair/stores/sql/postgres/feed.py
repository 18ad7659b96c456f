"""The feed on PostgreSQL, read over a connection of its own: readers that wait do not starve it.

What a reader must not miss is a row that was committed after others with a higher id. Each row
has the id of its transaction, and a reader asks for those that had not all ended when it last
looked. A transaction that stays open for ever must not make the pages grow: writers are given
15 s, and so rows older than a minute are not read again.

The count of transactions goes back when a server crashes, when a standby that is behind takes
over, or when a backup is restored, and by the next look it may have overtaken where it was. None
of that leaves a connection alive; behind a pooler it may seem to, but the server has another
time of start.

The server's clock may be set, and then `recorded_at` says nothing: a row that was written since the
last look may seem an hour old. So a reader compares the server's clock with a monotonic one of its
own, and where they have drifted apart it reads everything.
"""

import asyncio
import time
from datetime import datetime, timedelta
from typing import NamedTuple

import asyncpg

from tokenpair.core.sessions.revocation import KEPT, Revocation
from tokenpair.ports import FeedPage, FeedPosition
from tokenpair.stores.sql.feed import to_revocation
from tokenpair.stores.sql.patience import READER_SECONDS
from tokenpair.stores.sql.postgres.connection import Connector, bounded
from tokenpair.stores.sql.postgres.renewals import answering

_SECONDS = 10
_SETTINGS = bounded(lock=READER_SECONDS, statement=_SECONDS)
_OVERLAP = timedelta(seconds=60)
# More is no drift and no slow network: the clock was set. Well within the overlap.
_CLOCK_WAS_SET = timedelta(seconds=20)
# So many rows are read before requests have their turn again: a few milliseconds' worth.
_AT_ONCE = 1000

_WHERE_IT_IS = """
SELECT clock_timestamp(), pg_postmaster_start_time(),
  pg_snapshot_xmin(pg_current_snapshot())::text::bigint"""
# By hand, somebody may write a moment that Python has not: "infinity", or the year 20000.
_ROWS = """
SELECT session_id, user_id, min_version,
  LEAST(GREATEST(recorded_at, 'epoch'), '9999-01-01'), LEAST(GREATEST(until, 'epoch'), '9999-01-01')
FROM tokenpair_revocation"""
_IN_FORCE = f"{_ROWS} WHERE until > $1"
_NEWS = f"{_ROWS} WHERE xid >= $1 AND recorded_at > $2"


class _Position(NamedTuple):
    """Where a reader is: over which connection, since when the server runs, up to what transaction.

    `now` is the time by the server's clock, and `monotonic` the seconds by ours at that moment.
    """

    connection: asyncpg.Connection
    started: datetime
    oldest: int
    now: datetime
    monotonic: float

    def leads_to(self, here: "_Position") -> bool:
        """Is `here` the same server's history, read with the same clock, later on?"""
        passed = timedelta(seconds=here.monotonic - self.monotonic)
        return (
            (self.connection, self.started) == (here.connection, here.started)
            and self.oldest <= here.oldest
            and abs(here.now - self.now - passed) < _CLOCK_WAS_SET
        )


class PostgresFeed:
    """Reads the feed."""

    def __init__(self, connector: Connector) -> None:
        self._connector = connector
        self._connection: asyncpg.Connection | None = None
        self._lock = asyncio.Lock()

    async def read(self, position: FeedPosition | None, *, reload: bool) -> FeedPage:
        with answering(self._connector):
            async with self._lock, asyncio.timeout(_SECONDS):
                try:
                    return await self._read(await self._connected(), position, reload=reload)
                except BaseException:
                    # Whatever state it is in: the next look is over a new one.
                    self._terminate()
                    raise

    async def close(self) -> None:
        self._terminate()
        self._lock = asyncio.Lock()  # The old one may belong to an event loop that is over.

    async def _connected(self) -> asyncpg.Connection:
        if self._connection is None or self._connection.is_closed():
            self._connection = await self._connector.connect(_SETTINGS)
        return self._connection

    async def _read(
        self, connection: asyncpg.Connection, position: FeedPosition | None, *, reload: bool
    ) -> FeedPage:
        # Asked before the rows are: what ends in between is read now, and once more the next time.
        now, started, oldest = await connection.fetchrow(_WHERE_IT_IS)
        here = _Position(connection, started, oldest, now, time.monotonic())
        before = _Position(*position) if position else None
        if before and before.leads_to(here):
            rows = await connection.fetch(_NEWS, before.oldest, before.now - _OVERLAP)
            rows += await connection.fetch(_IN_FORCE, now) if reload else []
        else:
            rows = await connection.fetch(_IN_FORCE, now - KEPT)
        entries: list[Revocation] = []
        for start in range(0, len(rows), _AT_ONCE):
            entries += [to_revocation(*row) for row in rows[start : start + _AT_ONCE]]
            await asyncio.sleep(0)
        return FeedPage(entries=entries, position=here, now=now)

    def _terminate(self) -> None:
        connection, self._connection = self._connection, None
        if connection:
            connection.terminate()
