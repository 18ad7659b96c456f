"""The feed on SQLite. One cheap question usually shows that nothing has changed."""

import asyncio
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from tokenpair.core.sessions.revocation import KEPT, Revocation
from tokenpair.errors import Unavailable
from tokenpair.ports import FeedPage, FeedPosition
from tokenpair.stores.sql.feed import to_revocation
from tokenpair.stores.sql.sqlite.connection import connect, name_of
from tokenpair.stores.sql.sqlite.errors import summary
from tokenpair.stores.sql.sqlite.moments import to_moment, to_text
from tokenpair.stores.sql.timeouts import Timeouts

Row = tuple[Any, ...]

_ROWS = "SELECT id, session_id, user_id, min_version, recorded_at, until FROM tokenpair_revocation"


class SqliteFeed:
    """Reads the feed, in a thread of its own.

    SQLite has one writer, so the rows after the newest known row are the news. This holds while
    that row is still there: a restored backup takes ids back, and the next rows get them again.
    If the row is gone, all kept rows are read. A position is the connection, its count of changes,
    and that row.
    """

    def __init__(self, path: str, timeouts: Timeouts) -> None:
        self._path = path
        self._timeouts = timeouts
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="tokenpair-sqlite-feed")
        self._connection: sqlite3.Connection | None = None
        self._is_used = False

    async def read(self, position: FeedPosition | None, *, reload: bool) -> FeedPage:
        loop = asyncio.get_running_loop()
        self._is_used = True
        try:
            return await loop.run_in_executor(self._thread, self._read, position, reload)
        except sqlite3.Error as exc:
            reason = summary(exc)
            raise Unavailable(
                f"the database {name_of(self._path)} cannot be read: {reason}"
            ) from exc

    async def close(self) -> None:
        # The thread may be connecting for a reader that was cancelled.
        if self._is_used:
            loop = asyncio.get_running_loop()
            await loop.run_in_executor(self._thread, self._close)

    def _read(self, position: FeedPosition | None, reload: bool) -> FeedPage:
        if self._connection is None:
            self._connection = connect(self._path, self._timeouts)
        connection = self._connection
        now = datetime.now(UTC)  # SQLite's clock is this machine's.
        # Changes with every commit of another connection, and is cheap to read.
        (version,) = connection.execute("PRAGMA data_version").fetchone()
        if position and position[:2] == (connection, version) and not reload:
            return FeedPage(entries=[], position=position, now=now)
        # Read before the news: a row that is committed in between is read now and once more the
        # next time.
        newest = connection.execute(f"{_ROWS} ORDER BY id DESC LIMIT 1").fetchone()
        if position is None:
            rows = _rows_in_force(connection, now - KEPT)
        else:
            rows = _rows_after(position[2], connection, now - KEPT)
            rows += _rows_in_force(connection, now) if reload else []
        entries = [_to_revocation(row) for row in rows]
        return FeedPage(entries=entries, position=(connection, version, newest), now=now)

    def _close(self) -> None:
        if self._connection:
            self._connection.close()
            self._connection = None


def _rows_in_force(connection: sqlite3.Connection, at: datetime) -> list[Row]:
    return connection.execute(f"{_ROWS} WHERE until > ?", (to_text(at),)).fetchall()


def _rows_after(seen: Row | None, connection: sqlite3.Connection, kept: datetime) -> list[Row]:
    last = seen[0] if seen else 0
    found = connection.execute(f"{_ROWS} WHERE id = ?", (last,)).fetchone()
    if seen and found == seen:
        return connection.execute(f"{_ROWS} WHERE id > ?", (last,)).fetchall()
    # The row has been pruned, and then there is little to read; or a backup was restored.
    query = f"{_ROWS} WHERE id > ? OR until > ?"
    return connection.execute(query, (last, to_text(kept))).fetchall()


def _to_revocation(row: Row) -> Revocation:
    _, session_id, user_id, min_version, recorded_at, until = row
    return to_revocation(
        UUID(session_id) if session_id else None,
        UUID(user_id) if user_id else None,
        min_version,
        to_moment(recorded_at),
        to_moment(until),
    )
