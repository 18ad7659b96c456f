"""Renewals on SQLite that share a commit.

A commit waits for the disk. So all renewals that are waiting run in one transaction, and a thread
commits it. A caller gets its answer after the commit, when it is durable.
"""

import asyncio
import contextlib
import sqlite3
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tokenpair.core.sessions.rule import SessionState, Windows, hash_secret
from tokenpair.core.tokens.claims import FullRefreshClaims
from tokenpair.errors import Unavailable
from tokenpair.stores.sql.renewal import RENEW, rotate_before
from tokenpair.stores.sql.session_state import to_session_state
from tokenpair.stores.sql.sqlite.connection import connect, name_of
from tokenpair.stores.sql.sqlite.errors import summary
from tokenpair.stores.sql.sqlite.moments import to_moment, to_text
from tokenpair.stores.sql.sqlite.write_lock import WriteLock
from tokenpair.stores.sql.timeouts import Timeouts

_MAX_BATCH = 500
"""Number of renewals in one transaction. More would only delay the first of them."""

Row = tuple[Any, ...]


@dataclass(slots=True)
class _Request:
    """A renewal that waits for the next transaction."""

    parameters: dict[str, Any]
    result: asyncio.Future[Row | None]


class SqliteRenewals:
    """Runs RENEW for all waiting callers in one transaction at a time."""

    def __init__(self, path: str, write_lock: WriteLock, timeouts: Timeouts) -> None:
        self._path = path
        self._timeouts = timeouts
        self._write_lock = write_lock
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="tokenpair-sqlite")
        self._connection: sqlite3.Connection | None = None
        self._waiting: list[_Request] = []
        self._writer: asyncio.Task[None] | None = None

    async def renew(
        self, token: FullRefreshClaims, now: datetime, windows: Windows
    ) -> SessionState | None:
        secret_hash = hash_secret(token.secret)
        parameters = {
            "jti": token.token_id,
            "gen": token.generation,
            "rotate_before": to_text(rotate_before(now, windows)),
            "parent": token.parent,
            "now": to_text(now),
            "sid": token.session_id.hex,
            "sub": token.subject.hex,
            "secret_hash": secret_hash,
            "strict": windows.strict,
        }
        row = await self._run(parameters)
        if row is None:
            return None
        return to_session_state(
            row,
            user_id=token.subject,
            session_id=token.session_id,
            secret_hash=secret_hash,
            to_moment=to_moment,
        )

    async def close(self) -> None:
        # A writer that is done may have been cancelled, in an event loop that has ended.
        if self._writer and not self._writer.done():
            # A caller that cancels `close` must not cancel the transaction others wait for.
            await asyncio.shield(self._writer)
        if self._connection:
            loop = asyncio.get_running_loop()
            await loop.run_in_executor(self._thread, self._close)

    async def _run(self, parameters: dict[str, Any]) -> Row | None:
        request = _Request(parameters, asyncio.get_running_loop().create_future())
        self._waiting.append(request)
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write())
        return await request.result

    async def _write(self) -> None:
        """Write batches until no request is waiting; new requests go into the next batch."""
        while self._waiting:
            batch: list[_Request] = []
            try:
                async with self._write_lock, self._transaction() as cursor:
                    batch, self._waiting = self._waiting[:_MAX_BATCH], self._waiting[_MAX_BATCH:]
                    rows = [cursor.execute(RENEW, each.parameters).fetchone() for each in batch]
            except BaseException as exc:  # Every request must get a result, even on cancellation.
                is_over = not isinstance(exc, Exception)
                if is_over or not batch:  # This task writes no more, or it never got the lock.
                    batch, self._waiting = [*batch, *self._waiting], []
                _fail(batch, exc, self._path)
                if is_over:
                    raise
            else:
                for each, row in zip(batch, rows, strict=True):
                    if not each.result.done():  # The caller may have been cancelled.
                        each.result.set_result(row)

    @contextlib.asynccontextmanager
    async def _transaction(self) -> AsyncIterator[sqlite3.Cursor]:
        """Wait for the lock and for the disk in the thread; run the statements in the event loop.

        A statement takes microseconds. In the thread it would wait longer than that for the
        interpreter lock.
        """
        loop = asyncio.get_running_loop()
        try:
            connection = await loop.run_in_executor(self._thread, self._begin)
            yield connection.cursor()
            await loop.run_in_executor(self._thread, connection.execute, "COMMIT")
        except BaseException:
            # The thread may still be waiting for the lock; it rolls back once it has it.
            await asyncio.shield(loop.run_in_executor(self._thread, self._undo))
            raise

    def _begin(self) -> sqlite3.Connection:
        if self._connection is None:
            self._connection = connect(self._path, self._timeouts)
        self._connection.execute("BEGIN IMMEDIATE")
        return self._connection

    def _undo(self) -> None:
        if self._connection and self._connection.in_transaction:
            self._connection.execute("ROLLBACK")

    def _close(self) -> None:
        if self._connection:
            self._connection.close()
            self._connection = None


def _fail(batch: list[_Request], exc: BaseException, path: str) -> None:
    for each in batch:
        if each.result.done():
            continue
        error = exc
        if isinstance(exc, sqlite3.Error | asyncio.CancelledError):
            is_closing = isinstance(exc, asyncio.CancelledError)
            reason = "the database is being closed" if is_closing else summary(exc)
            error = Unavailable(f"the database {name_of(path)} cannot be written: {reason}")
            error.__cause__ = exc
        each.result.set_exception(error)
