"""What an error of SQLite is about."""

import sqlite3

import sqlalchemy as sa

from tokenpair.reasons import reason_of
from tokenpair.shortage import short_of_descriptors
from tokenpair.stores.sql.errors import Fault

DRIVER_ERRORS: tuple[type[Exception], ...] = ()
"""None: SQLAlchemy wraps all errors of this driver."""

_PASSING = (sa.exc.OperationalError, sa.exc.InterfaceError, sa.exc.InternalError)


def fault_of(error: BaseException) -> Fault:
    """Return what an error is about."""
    # SQLite has nothing narrower than DatabaseError for a file that is broken.
    if isinstance(error, _PASSING) or type(error) is sa.exc.DatabaseError:
        return Fault.SERVER
    return Fault.VALUE if isinstance(error, sa.exc.DataError) else Fault.STATEMENT


def complaint(error: BaseException) -> str:
    """Return what the database does, and why."""
    return f"does not answer: {summary(error)}"


def summary(error: BaseException) -> str:
    """Return one line for the log that says what is wrong."""
    error = getattr(error, "orig", error)
    text = reason_of(error)
    cannot_open = getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_CANTOPEN
    if cannot_open and (short := short_of_descriptors()):
        return f"{text}: {short.reason}"  # SQLite does not say why.
    return text
