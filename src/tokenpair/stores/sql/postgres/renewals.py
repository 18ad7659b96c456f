"""Renewals on PostgreSQL: the one statement, prepared, on connections of the driver's own.

asyncpg, because it takes a third of psycopg's CPU time for this; and a free list of our own,
because the driver's pool makes a round trip to reset each connection that is given back.
"""

import asyncio
import contextlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

import asyncpg
from asyncpg.prepared_stmt import PreparedStatement

from tokenpair.core.sessions.rule import SessionState, Windows, hash_secret
from tokenpair.core.tokens.claims import FullRefreshClaims
from tokenpair.errors import Unavailable
from tokenpair.stores.sql.patience import CONNECT_SECONDS, RENEWAL_SECONDS
from tokenpair.stores.sql.postgres.connection import Connector, bounded
from tokenpair.stores.sql.postgres.errors import DRIVER_ERRORS, LOST, Fault, complaint, fault_of
from tokenpair.stores.sql.renewal import RENEW, rotate_before
from tokenpair.stores.sql.session_state import to_session_state

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
_RENEWING = bounded(lock=RENEWAL_SECONDS, statement=RENEWAL_SECONDS + 2)


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

    def __init__(self, connector: Connector, *, size: int, patience: float) -> None:
        self._connector = connector
        self._size = size
        self._patience = patience
        self._places = asyncio.Semaphore(size)
        self._idle: list[_Line] = []

    async def renew(
        self, token: FullRefreshClaims, now: datetime, windows: Windows
    ) -> SessionState | None:
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
        return to_session_state(
            row,
            user_id=token.subject,
            session_id=token.session_id,
            secret_hash=secret_hash,
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
            with answering(self._connector):
                return await self._execute(arguments)
        finally:
            places.release()

    async def _wait_for(self, places: asyncio.Semaphore) -> None:
        try:
            async with asyncio.timeout(self._patience):
                await places.acquire()
        except TimeoutError as exc:
            name = self._connector.url.name
            raise Unavailable(f"waited too long for a connection to {name}") from exc

    async def _execute(self, arguments: tuple[object, ...]) -> asyncpg.Record | None:
        """Execute on an idle connection; on a new one, if the server has let go of that.

        Twice is fine, should the first have been carried out after all: then it is a *repeat*.
        """
        if self._idle:
            try:
                return await self._execute_on(self._idle.pop(), arguments)
            except TimeoutError:
                raise  # It is an OSError, too; but a second try would take as long again.
            except LOST:
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
        connection = await self._connector.connect(_RENEWING)
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                return _Line(connection, await connection.prepare(_NUMBERED))
        except BaseException:
            connection.terminate()
            raise


@contextlib.contextmanager
def answering(connector: Connector) -> Iterator[None]:
    """Turn a server that cannot be reached, or is too busy, into `Unavailable`, with its name."""
    try:
        yield
    except (*DRIVER_ERRORS, OSError) as exc:
        if not isinstance(exc, OSError) and fault_of(exc) is not Fault.SERVER:
            raise
        raise Unavailable(f"the database {connector.url.name} {complaint(exc)}") from exc
