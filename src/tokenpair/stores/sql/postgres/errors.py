"""What an error of PostgreSQL or its driver is about: the server, a value, or the statement."""

import asyncpg
import sqlalchemy as sa

from tokenpair.reasons import reason_of
from tokenpair.stores.sql.errors import Fault

# SQLSTATE classes and codes that are about the server, and not about the request: lost connections,
# roles that may not log in, full or failing disks, resources, administrators, time limits, locks,
# deadlocks, and a server that is read-only at the moment.
_SERVER = ("08", "25006", "25P03", "25P04", "28", "3D000", "40", "53", "55P03", "57", "58", "XX")
# A prepared statement is missing, or exists already: because of a pooler, or of DISCARD ALL.
_POOLER = ("26000", "42P05")
# Data exceptions, and a value that is too large for an index or nested too deeply.
_VALUE = ("22", "54000", "54001")

LOST = (
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.PostgresConnectionError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.InvalidCachedStatementError,
    OSError,
)
"""The server has dropped the connection or the prepared statement; another connection may work.

The driver's "internal" error is what it raises when the server has closed the connection and the
driver has only half noticed.
"""
DRIVER_ERRORS = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)
"""What asyncpg raises, besides OSError when it connects."""


def fault_of(error: BaseException) -> Fault:
    """Return what an error is about, wrapped by SQLAlchemy or not."""
    error = unwrap(error)
    if isinstance(error, asyncpg.PostgresError):
        state = str(error.sqlstate)
        # The type of a column has changed: the next attempt prepares the statement again.
        is_outdated = isinstance(error, asyncpg.InvalidCachedStatementError)
        if is_outdated or state.startswith((*_SERVER, *_POOLER)):
            return Fault.SERVER
        return Fault.VALUE if state.startswith(_VALUE) else Fault.STATEMENT
    wrong_settings = (asyncpg.ClientConfigurationError, asyncpg.UnsupportedClientFeatureError)
    if isinstance(error, wrong_settings):
        return Fault.STATEMENT
    # The driver could not encode an argument. Its DataError shares its name with the server's.
    is_refused = isinstance(error, asyncpg.InterfaceError) and isinstance(error, ValueError)
    return Fault.VALUE if is_refused else Fault.SERVER


def unwrap(error: BaseException) -> BaseException:
    """Return asyncpg's own error, which SQLAlchemy wraps twice."""
    inner = error.orig if isinstance(error, sa.exc.DBAPIError) else None
    return (inner.__cause__ or inner) if inner else error


def complaint(error: BaseException) -> str:
    """Return what the server does, and why, for the log."""
    has_answered = isinstance(unwrap(error), asyncpg.PostgresError)
    verb = "cannot be used now" if has_answered else "does not answer"
    return f"{verb}: {summary(error)}"


def summary(error: BaseException) -> str:
    """Return one line for the log, without any value that was bound to the statement."""
    error = unwrap(error)
    if isinstance(error, asyncpg.InvalidCachedStatementError):
        return "a column's type has changed since the statement was prepared"
    if fault_of(error) is Fault.VALUE:
        return f"{type(error).__name__} {getattr(error, 'sqlstate', '')}".strip()
    return reason_of(error)
