"""Turn what goes wrong with a database into errors that say so, and name it."""

import asyncio
import contextlib
import logging
import ssl
from collections.abc import AsyncIterator, Iterator
from types import ModuleType

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from tokenpair.errors import ConfigurationError, InvalidInput, Unavailable
from tokenpair.shortage import shortage
from tokenpair.stores.sql.patience import FAREWELL_SECONDS, UNIT_SECONDS
from tokenpair.stores.sql.sqlite import connection as sqlite

_log = logging.getLogger(__name__)

CONNECTOR = "tokenpair_connector"
"""The execution option in which an engine for PostgreSQL keeps what opens its connections."""


@contextlib.contextmanager
def opening(engine: AsyncEngine) -> Iterator[None]:
    """Turn a database that cannot be reached into `Unavailable`.

    Any other fault of it becomes a `ConfigurationError`, and stops the start.
    """
    try:
        with _server_faults(engine):
            yield
    # TypeError: an option that SQLite's driver does not know.
    except _database_errors(engine, TypeError) as exc:
        reason = _summary(engine, exc)
        raise ConfigurationError(
            f"the database {database_name(engine)} cannot be used: {reason}"
        ) from exc


def database_name(engine: AsyncEngine) -> str:
    """Return what to call the database in messages, without user, password and options.

    SQLite's path is absolute: two processes with the same URL may run in different folders.
    """
    if connector := engine.sync_engine.get_execution_options().get(CONNECTOR):
        return str(connector.url.name)
    if engine.dialect.name == "sqlite":
        return sqlite.name_of(str(engine.url.database))
    return engine.url.set(username=None, password=None, query={}).render_as_string()


@contextlib.asynccontextmanager
async def answering(engine: AsyncEngine) -> AsyncIterator[None]:
    """Turn a database that cannot be reached, or takes longer than 15 s, into `Unavailable`.

    A server that has vanished ends nothing by itself, and its connections would stay taken.
    """
    with unavailable(engine):
        # The inner one cancels once. Then a rollback may hang, too: so the outer one.
        async with asyncio.timeout(UNIT_SECONDS + FAREWELL_SECONDS), asyncio.timeout(UNIT_SECONDS):
            yield


@contextlib.contextmanager
def unavailable(engine: AsyncEngine) -> Iterator[None]:
    """Turn a database that cannot be reached, or is too busy, into `Unavailable`.

    A value that PostgreSQL refuses becomes `InvalidInput`. The reason is for the log: which
    database, and its driver's first line. No password.
    """
    try:
        with _server_faults(engine):
            yield
    except _database_errors(engine) as exc:
        if not _is_refused_value(engine, exc):
            raise
        # Without its cause, which quotes the value.
        _log.warning(
            "the database %s refuses a value: %s", database_name(engine), _summary(engine, exc)
        )
        raise InvalidInput from None


@contextlib.contextmanager
def _server_faults(engine: AsyncEngine) -> Iterator[None]:
    """Turn errors that are about the server into `Unavailable`, and pass the others on."""
    try:
        yield
    except ssl.SSLCertVerificationError as exc:
        reason = f"its certificate is refused: {exc.verify_message}"
        raise _away(engine, f"is not trusted: {reason}") from exc
    except (sa.exc.TimeoutError, OSError) as exc:  # A driver passes on what the socket raises.
        reason = str(exc).partition("\n")[0] or "no reason is given"
        raise _away(engine, f"does not answer: {reason}") from exc
    except _database_errors(engine) as exc:
        if not _is_about_the_server(engine, exc):
            raise
        raise _away(engine, _complaint(engine, exc)) from exc
    except (MemoryError, RuntimeError) as exc:  # SQLite's driver starts a thread to connect.
        if short := shortage(exc):
            raise short from exc
        raise


def _away(engine: AsyncEngine, complaint: str) -> Unavailable:
    return Unavailable(f"the database {database_name(engine)} {complaint}")


def _is_about_the_server(engine: AsyncEngine, error: BaseException) -> bool:
    if engine.dialect.name == "postgresql":
        return _postgres_errors().fault_of(error) is _postgres_errors().Fault.SERVER
    passing = (sa.exc.OperationalError, sa.exc.InterfaceError, sa.exc.InternalError)
    # SQLite has nothing narrower than DatabaseError for a file that is broken.
    return isinstance(error, passing) or type(error) is sa.exc.DatabaseError


def _is_refused_value(engine: AsyncEngine, error: BaseException) -> bool:
    if engine.dialect.name == "postgresql":
        return _postgres_errors().fault_of(error) is _postgres_errors().Fault.VALUE
    return isinstance(error, sa.exc.DataError)


def _complaint(engine: AsyncEngine, error: BaseException) -> str:
    if engine.dialect.name == "postgresql":
        return str(_postgres_errors().complaint(error))
    return f"does not answer: {_summary(engine, error)}"


def _summary(engine: AsyncEngine, error: BaseException) -> str:
    if engine.dialect.name == "postgresql":
        return str(_postgres_errors().summary(error))
    return sqlite.summary(getattr(error, "orig", error))


def _database_errors(engine: AsyncEngine, *more: type[Exception]) -> tuple[type[Exception], ...]:
    """Return what is raised: on connecting, SQLAlchemy 2.0 passes on the driver's own errors."""
    drivers = _postgres_errors().DRIVER_ERRORS if engine.dialect.name == "postgresql" else ()
    return (sa.exc.DBAPIError, *drivers, *more)


def _postgres_errors() -> ModuleType:
    # Imported here: asyncpg is an extra.
    from tokenpair.stores.sql.postgres import errors as postgres_errors  # noqa: PLC0415

    return postgres_errors
