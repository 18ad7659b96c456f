"""SQLite: how its connections are set up, and renewals that share a commit.

A commit waits for the disk. So all renewals that wait share one transaction, whose commit a thread
sees to; nobody gets an answer before it is durable.
"""

import asyncio
import contextlib
import json
import sqlite3
from asyncio import AbstractEventLoop
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

from tokenpair.core.sessions.rule import Standing, Windows, hash_secret
from tokenpair.core.tokens.claims import FullRefreshClaims
from tokenpair.errors import Unavailable
from tokenpair.shortage import short_of_descriptors
from tokenpair.stores.sql.renewal import RENEW, rotate_before

MIN_VERSION = (3, 35)  # RETURNING

_PRAGMAS = (
    "PRAGMA busy_timeout = 5000",
    # A renewal lost in a power cut heals by itself; a lost log-out does not.
    "PRAGMA synchronous = FULL",
    "PRAGMA foreign_keys = ON",
)
_WAL_TRIES = 10
# More in one transaction would only make the first of them wait.
_MAX_BATCH = 500

Row = tuple[Any, ...]


def name_of(path: str) -> str:
    """Return what to call a database file in messages."""
    return f"sqlite:///{path if path.startswith('file:') else Path(path).absolute()}"


def exists(path: str) -> bool:
    """Is there such a file? To connect would make it."""
    return path.startswith("file:") or Path(path).exists()


def summary(error: BaseException) -> str:
    """Return one line that says what is wrong, for the log."""
    said = str(error).partition("\n")[0]
    cannot_open = getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_CANTOPEN
    if cannot_open and (short := short_of_descriptors()):
        return f"{said}: {short.reason}"  # SQLite does not say why.
    return said


def make_private(path: str) -> None:
    """Make a missing database file for its owner alone, before SQLite makes it for everybody."""
    with contextlib.suppress(OSError):  # SQLite will say what is wrong.
        Path(path).touch(mode=0o600)


def prepare(connection: Any) -> None:  # noqa: ANN401  The module's own, or another like it.
    """Set up a new connection of any driver; close it where that fails."""
    try:
        _configure(connection)
    except BaseException:
        connection.close()  # The caller never gets it.
        raise


def _configure(connection: Any) -> None:  # noqa: ANN401
    # The driver's own habit of opening a deferred transaction before each write is turned off:
    # we say BEGIN IMMEDIATE ourselves, or nothing, where a single statement stands alone.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in _PRAGMAS:
        cursor.execute(pragma)
    _write_ahead(cursor)
    cursor.close()


def connect(path: str) -> sqlite3.Connection:
    """Connect by the standard library's own driver, for one thread."""
    make_private(path)
    # Two threads use it, never at the same time.
    connection = sqlite3.connect(path, check_same_thread=False)
    prepare(connection)
    return connection


def _write_ahead(cursor: Any) -> None:  # noqa: ANN401
    """Keep a write-ahead log, so that readers do not wait for the writer."""
    for _ in range(_WAL_TRIES):
        try:
            cursor.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError:
            # Workers that start together on a new database get in each other's way here, and
            # SQLite fails at once instead of waiting. For a write lock it does wait.
            cursor.execute("BEGIN IMMEDIATE")
            cursor.execute("ROLLBACK")
        else:
            return
    cursor.execute("PRAGMA journal_mode = WAL")


class Turn:
    """Whose turn it is to write: SQLite has one writer, and its own waiting polls and is unfair."""

    def __init__(self, patience: float) -> None:
        """Who waits longer than `patience` (seconds) is told to come back."""
        self._patience = patience
        # One for each event loop: a lock belongs to the loop in which somebody first waited.
        self._locks: WeakKeyDictionary[AbstractEventLoop, asyncio.Lock] = WeakKeyDictionary()

    async def __aenter__(self) -> None:
        """Wait for it. Raises `Unavailable`."""
        lock = self._lock()
        if not lock.locked():
            await lock.acquire()
            return
        try:
            async with asyncio.timeout(self._patience):
                await lock.acquire()
        except TimeoutError as exc:
            raise Unavailable("waited too long for a turn to write") from exc

    async def __aexit__(self, *_: object) -> None:
        self._lock().release()

    def _lock(self) -> asyncio.Lock:
        return self._locks.setdefault(asyncio.get_running_loop(), asyncio.Lock())


@dataclass(slots=True)
class _Waiting:
    parameters: dict[str, Any]
    answer: asyncio.Future[Row | None]


class SqliteRenewals:
    """Carries RENEW out, as many at a time as are waiting."""

    def __init__(self, path: str, turn: Turn) -> None:
        self._path = path
        self._turn = turn
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="tokenpair-sqlite")
        self._connection: sqlite3.Connection | None = None
        self._waiting: list[_Waiting] = []
        self._writing: asyncio.Task[None] | None = None

    async def renew(
        self, token: FullRefreshClaims, now: datetime, windows: Windows
    ) -> Standing | None:
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
        row = await self._in_turn(parameters)
        if row is None:
            return None
        head, rotated_at, expires_at, authenticated_at, roles, version = row
        return Standing(
            session_id=token.session_id,
            user_id=token.subject,
            secret_hash=secret_hash,
            head=head,
            rotated_at=to_moment(rotated_at),
            expires_at=to_moment(expires_at),
            authenticated_at=to_moment(authenticated_at),
            roles=frozenset(json.loads(roles)),
            version=version,
        )

    async def close(self) -> None:
        # One that is done may have been broken off, in an event loop that is over.
        if self._writing and not self._writing.done():
            # Who loses patience with us does not break off what others wait for.
            await asyncio.shield(self._writing)
        if self._connection:
            loop = asyncio.get_running_loop()
            await loop.run_in_executor(self._thread, self._close)

    async def _in_turn(self, parameters: dict[str, Any]) -> Row | None:
        mine = _Waiting(parameters, asyncio.get_running_loop().create_future())
        self._waiting.append(mine)
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write())
        return await mine.answer

    async def _write(self) -> None:
        """Write for all who wait, until nobody does; who comes meanwhile is in the next batch."""
        while self._waiting:
            batch: list[_Waiting] = []
            try:
                async with self._turn, self._transaction() as cursor:
                    batch, self._waiting = self._waiting[:_MAX_BATCH], self._waiting[_MAX_BATCH:]
                    rows = [cursor.execute(RENEW, each.parameters).fetchone() for each in batch]
            except BaseException as exc:  # Whatever it is, nobody is left waiting.
                is_over = not isinstance(exc, Exception)
                if is_over or not batch:  # Nobody writes after us, or it never was our turn.
                    batch, self._waiting = [*batch, *self._waiting], []
                _fail(batch, exc, self._path)
                if is_over:
                    raise
            else:
                for each, row in zip(batch, rows, strict=True):
                    if not each.answer.done():  # Its caller may have gone away.
                        each.answer.set_result(row)

    @contextlib.asynccontextmanager
    async def _transaction(self) -> AsyncIterator[sqlite3.Cursor]:
        """Wait for the lock and for the disk in the thread; what is between takes microseconds.

        In the thread, too, each statement would wait for the interpreter, longer than it takes.
        """
        loop = asyncio.get_running_loop()
        try:
            connection = await loop.run_in_executor(self._thread, self._begin)
            yield connection.cursor()
            await loop.run_in_executor(self._thread, connection.execute, "COMMIT")
        except BaseException:
            # The thread may still be waiting for the lock: then it lets go of it after that.
            await asyncio.shield(loop.run_in_executor(self._thread, self._undo))
            raise

    def _begin(self) -> sqlite3.Connection:
        if self._connection is None:
            self._connection = connect(self._path)
        self._connection.execute("BEGIN IMMEDIATE")
        return self._connection

    def _undo(self) -> None:
        if self._connection and self._connection.in_transaction:
            self._connection.execute("ROLLBACK")

    def _close(self) -> None:
        if self._connection:
            self._connection.close()
            self._connection = None


def _fail(batch: list[_Waiting], exc: BaseException, path: str) -> None:
    for each in batch:
        if each.answer.done():
            continue
        refusal = exc
        if isinstance(exc, sqlite3.Error | asyncio.CancelledError):
            reason = summary(exc) or "it is being closed"
            refusal = Unavailable(f"the database {name_of(path)} cannot be written: {reason}")
            refusal.__cause__ = exc
        each.answer.set_exception(refusal)


def to_text(moment: datetime) -> str:
    """Write a moment as `tables.UtcDateTime` has it."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")


def to_moment(text: str) -> datetime:
    """Read what `to_text` has written."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)
