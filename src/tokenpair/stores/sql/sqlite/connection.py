"""How connections to SQLite are set up, and what a database file is called in messages."""

import contextlib
import sqlite3
from pathlib import Path
from typing import Any

from tokenpair.stores.sql.timeouts import Timeouts

MIN_VERSION = (3, 35)  # RETURNING

_PRAGMAS = (
    # A renewal lost in a power cut heals by itself; a lost log-out does not.
    "PRAGMA synchronous = FULL",
    "PRAGMA foreign_keys = ON",
)
_WAL_TRIES = 10


class Connection(sqlite3.Connection):
    """A connection that rolls back when it is closed, even while a statement is active.

    A caller that is cancelled leaves its statement active. SQLite keeps such a connection, its
    transaction and the lock on the file until the garbage collector finds the statement.
    """

    def close(self) -> None:
        """Roll back and close. Closing twice is fine."""
        with contextlib.suppress(sqlite3.Error):
            self.rollback()
        super().close()


def name_of(path: str) -> str:
    """Return what to call a database file in messages."""
    return f"sqlite:///{Path(path).absolute()}"


def exists(path: str) -> bool:
    """Return whether the file exists. Connecting would create it."""
    return Path(path).exists()


def make_private(path: str) -> None:
    """Create a missing database file that only its owner may read and write.

    SQLite would create it with the permissions of the umask.
    """
    with contextlib.suppress(OSError):  # SQLite reports what is wrong when it opens the file.
        Path(path).touch(mode=0o600)


def prepare(connection: Any, timeouts: Timeouts) -> None:  # noqa: ANN401  The connection of any driver.
    """Set up a new connection of any driver, or close it if that fails."""
    try:
        _configure(connection, timeouts)
    except BaseException:
        connection.close()  # The caller does not get it.
        raise


def _configure(connection: Any, timeouts: Timeouts) -> None:  # noqa: ANN401
    # The driver must not open a deferred transaction before each write: transactions here begin
    # with an explicit BEGIN IMMEDIATE, and a single statement needs none.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout = {round(timeouts.lock * 1000)}")
    for pragma in _PRAGMAS:
        cursor.execute(pragma)
    _write_ahead(cursor)
    cursor.close()


def connect(path: str, timeouts: Timeouts) -> sqlite3.Connection:
    """Connect with the standard library's driver."""
    make_private(path)
    # Two threads use the connection, never at the same time.
    connection = sqlite3.connect(path, check_same_thread=False, factory=Connection)
    prepare(connection, timeouts)
    return connection


def _write_ahead(cursor: Any) -> None:  # noqa: ANN401
    """Turn on the write-ahead log, so that readers do not wait for the writer."""
    for _ in range(_WAL_TRIES):
        try:
            cursor.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError:
            # Workers that start together on a new database collide here, and SQLite fails at once
            # instead of waiting. For a write lock it does wait.
            cursor.execute("BEGIN IMMEDIATE")
            cursor.execute("ROLLBACK")
        else:
            return
    cursor.execute("PRAGMA journal_mode = WAL")
