"""The feed on PostgreSQL, read over a connection of its own, so that it never waits for the pool.

A reader must not miss a row that is committed after rows with a higher id. Each row has the id of
its transaction, and a reader asks for the transactions that may have been running at its last look.
A transaction that stays open must not make the pages grow without end: writers have a limit of
15 s, so rows older than a minute are not read again.

The transaction counter goes back when a server crashes, when a standby that is behind is promoted,
or when a backup is restored, and by the next look it may have passed its old value. All of these
close the connection. Behind a pooler the connection may stay open, but then the server's start time
has changed.

When the server's clock is set, `recorded_at` is of no use: a row that was written since the last
look may seem an hour old. So a reader compares the server's clock with its own monotonic clock, and
reads everything if they have drifted apart.
"""

import asyncio
import time
from datetime import datetime, timedelta
from typing import NamedTuple

import asyncpg

from tokenpair.core.sessions.revocation import KEPT, Revocation
from tokenpair.errors import Unavailable
from tokenpair.ports import FeedPage, FeedPosition
from tokenpair.stores.sql.errors import ErrorTranslator
from tokenpair.stores.sql.feed import to_revocation
from tokenpair.stores.sql.postgres.connection import Connector, limits
from tokenpair.stores.sql.timeouts import Timeouts

_OVERLAP = timedelta(seconds=60)
# A larger difference means that the clock was set. Well within the overlap.
_CLOCK_WAS_SET = timedelta(seconds=20)
# Rows to decode before other tasks run again: a few milliseconds' worth.
_AT_ONCE = 1000

_POSITION = """
SELECT clock_timestamp(), pg_postmaster_start_time(),
  pg_snapshot_xmin(pg_current_snapshot())::text::bigint"""
_ROWS = "SELECT session_id, user_id, min_version, recorded_at, until FROM tokenpair_revocation"
_IN_FORCE = f"{_ROWS} WHERE until > $1"
_NEWS = f"{_ROWS} WHERE xid >= $1 AND recorded_at > $2"


class _Position(NamedTuple):
    """How far a reader has read.

    `started` is when the server started, `oldest` its oldest running transaction, `now` its time,
    and `monotonic` this machine's monotonic clock at that moment, in seconds.
    """

    connection: asyncpg.Connection
    started: datetime
    oldest: int
    now: datetime
    monotonic: float

    def leads_to(self, here: "_Position") -> bool:
        """Return whether `here` continues this: same server, same history, same clock."""
        passed = timedelta(seconds=here.monotonic - self.monotonic)
        return (
            (self.connection, self.started) == (here.connection, here.started)
            and self.oldest <= here.oldest
            and abs(here.now - self.now - passed) < _CLOCK_WAS_SET
        )


class PostgresFeed:
    """Reads the feed."""

    def __init__(self, connector: Connector, errors: ErrorTranslator, timeouts: Timeouts) -> None:
        self._connector = connector
        self._errors = errors
        self._seconds = timeouts.response
        self._settings = limits(lock=timeouts.read, statement=timeouts.response)
        self._connection: asyncpg.Connection | None = None
        self._lock = asyncio.Lock()

    async def read(self, position: FeedPosition | None, *, reload: bool) -> FeedPage:
        with self._errors:
            async with self._lock, asyncio.timeout(self._seconds):
                try:
                    return await self._read(await self._connected(), position, reload=reload)
                except BaseException:
                    # The connection's state is unknown: the next look opens a new one.
                    self._terminate()
                    raise

    async def close(self) -> None:
        self._terminate()
        self._lock = asyncio.Lock()  # The old one may belong to an event loop that has ended.

    async def _connected(self) -> asyncpg.Connection:
        if self._connection is None or self._connection.is_closed():
            lock = self._lock
            new = await self._connector.connect(self._settings)
            if self._lock is not lock:
                new.terminate()
                raise Unavailable("the database was closed meanwhile")
            self._connection = new
        return self._connection

    async def _read(
        self, connection: asyncpg.Connection, position: FeedPosition | None, *, reload: bool
    ) -> FeedPage:
        # Read before the rows: what is committed in between is read now, and once more next time.
        now, started, oldest = await connection.fetchrow(_POSITION)
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
