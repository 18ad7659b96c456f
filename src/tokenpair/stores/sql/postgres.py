"""Renewals on PostgreSQL: the one statement, prepared, on connections of the driver's own.

asyncpg, because it takes a third of psycopg's CPU time for this; and a free list of our own,
because the driver's pool makes a round trip to reset each connection that is given back.
"""

import asyncio
import contextlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import asyncpg
import sqlalchemy as sa
from asyncpg.prepared_stmt import PreparedStatement
from sqlalchemy.engine import Dialect

from tokenpair.core.claims import FullRefreshClaims
from tokenpair.core.session import Standing, Windows, hash_secret
from tokenpair.errors import Unavailable
from tokenpair.stores.sql.patience import (
    CONNECT_SECONDS,
    FAREWELL_SECONDS,
    READER_SECONDS,
    RENEWAL_SECONDS,
)
from tokenpair.stores.sql.renewal import RENEW, rotate_before

# Longer than any wait of the server's own; only one that has vanished takes it.
_ANSWER_SECONDS = 10
_PARAMETERS = (
    "jti",
    "gen",
    "rotate_before",
    "parent",
    "now",
    "sid",
    "sub",
    "secret_hash",
    "strict",
)
_NUMBERED = re.sub(r"(?<!:):(\w+)", lambda name: f"${_PARAMETERS.index(name[1]) + 1}", RENEW)
# What SQLAlchemy's own layer over the driver takes out of a URL for itself.
_NOT_THE_DRIVERS = {
    "async_fallback",
    "prepared_statement_cache_size",
    "prepared_statement_name_func",
}
# The server has let go of the connection, or of the prepared statement. The driver's "internal"
# error is what it says when the server has hung up and it has not quite noticed.
_LOST = (
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.PostgresConnectionError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.InvalidCachedStatementError,
    OSError,
)
# The classes of SQLSTATE that are about the server, and not about what it was asked: connections,
# whom it lets in, resources, operators, locks, deadlocks, and a primary that is one no more.
_PASSING = ("08", "25006", "28", "3D000", "40", "53", "55P03", "57")


def bounded(*, lock: int, statement: int) -> str:
    """Write what lets nobody on a connection wait for longer (seconds)."""
    return f"SET lock_timeout = '{lock}s'; SET statement_timeout = '{statement}s'"


_RENEWING = bounded(lock=RENEWAL_SECONDS, statement=RENEWAL_SECONDS + 2)
_READING = bounded(lock=READER_SECONDS, statement=READER_SECONDS)


class Connection(asyncpg.Connection):  # type: ignore[misc]  # asyncpg has no types.
    """One whose farewell is short: the server may be out of reach, and never hear it."""

    async def close(self, *, timeout: float | None = None) -> None:  # noqa: ASYNC109  asyncpg's.
        """Close it. It is closed, too, where the server does not answer."""
        with contextlib.suppress(TimeoutError):
            await super().close(timeout=min(timeout or FAREWELL_SECONDS, FAREWELL_SECONDS))


def bound_waiting(connection: Any, _: object) -> None:  # noqa: ANN401  SQLAlchemy's.
    """Let nobody wait for long on a new connection of a reader's. Raises `Unavailable`."""
    # By the driver itself, because the adapter would open a transaction, and roll it back.
    with answering():
        connection.run_async(_bound_waiting)


async def _bound_waiting(connection: asyncpg.Connection) -> None:
    try:
        await connection.execute(_READING, timeout=CONNECT_SECONDS)
    except BaseException:
        connection.terminate()
        raise


def connect_arguments(url: str | sa.URL) -> dict[str, Any]:
    """Give what asyncpg's `connect` takes, from a URL."""
    parsed = sa.make_url(url).set(drivername="postgresql+asyncpg")
    dialect: Dialect = parsed.get_dialect()()
    _, arguments = dialect.create_connect_args(parsed)
    kept = {name: value for name, value in arguments.items() if name not in _NOT_THE_DRIVERS}
    return {"timeout": CONNECT_SECONDS, "connection_class": Connection, **kept}


@dataclass(frozen=True, slots=True, eq=False)
class _Line:
    """A connection, and the statement that is prepared on it."""

    connection: asyncpg.Connection
    statement: PreparedStatement


class PostgresRenewals:
    """Carries RENEW out, each as its own transaction.

    `size` is the most connections; who waits for one longer than `patience` (seconds) is told
    to come back, and so is whoever finds its session's row locked for too long.
    """

    def __init__(self, arguments: dict[str, Any], *, size: int, patience: float) -> None:
        self._arguments = arguments
        self._size = size
        self._patience = patience
        self._places = asyncio.Semaphore(size)
        self._idle: list[_Line] = []

    async def renew(
        self, token: FullRefreshClaims, now: datetime, windows: Windows
    ) -> Standing | None:
        secret_hash = hash_secret(token.secret)
        row = await self._fetch(
            token.token_id,
            token.generation,
            rotate_before(now, windows),
            token.parent,
            now,
            token.session_id,
            token.subject,
            secret_hash,
            windows.strict,
        )
        if row is None:
            return None
        head, rotated_at, expires_at, authenticated_at, roles, version = row
        return Standing(
            session_id=token.session_id,
            user_id=token.subject,
            secret_hash=secret_hash,
            head=head,
            rotated_at=rotated_at,
            expires_at=expires_at,
            authenticated_at=authenticated_at,
            roles=frozenset(json.loads(roles)),
            version=version,
        )

    async def close(self) -> None:
        lines, self._idle = self._idle, []
        # The old ones may belong to an event loop that is over.
        self._places = asyncio.Semaphore(self._size)
        farewells = (line.connection.close() for line in lines)
        await asyncio.gather(*farewells, return_exceptions=True)

    async def _fetch(self, *arguments: object) -> asyncpg.Record | None:
        places = self._places
        if places.locked():
            await self._wait_for(places)
        else:
            await places.acquire()
        try:
            with answering():
                return await self._execute(arguments)
        finally:
            places.release()

    async def _wait_for(self, places: asyncio.Semaphore) -> None:
        try:
            async with asyncio.timeout(self._patience):
                await places.acquire()
        except TimeoutError as exc:
            raise Unavailable("waited too long for a connection to the database") from exc

    async def _execute(self, arguments: tuple[object, ...]) -> asyncpg.Record | None:
        """Execute on an idle connection; on a new one, if the server has let go of that.

        Twice is fine, should the first have been carried out after all: then it is a *repeat*.
        """
        if self._idle:
            try:
                return await self._execute_on(self._idle.pop(), arguments)
            except TimeoutError:
                raise  # It is an OSError, too; but a second try would take as long again.
            except _LOST:
                # So are the others, most likely.
                for line in self._idle:
                    line.connection.terminate()
                self._idle.clear()
        return await self._execute_on(await self._connect(), arguments)

    async def _execute_on(
        self, line: _Line, arguments: tuple[object, ...]
    ) -> asyncpg.Record | None:
        try:
            row = await line.statement.fetchrow(*arguments, timeout=_ANSWER_SECONDS)
        except BaseException:
            # Whatever state it is in, a cancelled caller's included: it is not handed on.
            line.connection.terminate()
            raise
        self._idle.append(line)
        return row

    async def _connect(self) -> _Line:
        connection = await asyncpg.connect(**self._arguments)
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                await connection.execute(_RENEWING)
                return _Line(connection, await connection.prepare(_NUMBERED))
        except BaseException:
            connection.terminate()
            raise


@contextlib.contextmanager
def answering() -> Iterator[None]:
    """Turn a server that cannot be reached, or is too busy, into `Unavailable`."""
    try:
        yield
    except (asyncpg.PostgresError, *_LOST) as exc:
        if isinstance(exc, asyncpg.PostgresError) and not _may_pass(exc):
            raise
        said = str(exc).partition("\n")[0] or type(exc).__name__
        raise Unavailable(f"the database does not answer: {said}") from exc


def _may_pass(error: asyncpg.PostgresError) -> bool:
    """Is it about the server, and not about what it was asked?"""
    return str(error.sqlstate).startswith(_PASSING)
