"""Renewals on PostgreSQL: the one statement, prepared, on connections of their own.

The driver is asyncpg, which takes a third of psycopg's CPU time for this. The list of idle
connections is the library's, because asyncpg's pool makes a round trip to reset each connection
that is returned.
"""

import asyncio
import re
from dataclasses import dataclass
from datetime import datetime

import asyncpg
from asyncpg.prepared_stmt import PreparedStatement

from tokenpair.core.sessions.rule import SessionState, Windows, hash_secret
from tokenpair.core.tokens.claims import FullRefreshClaims
from tokenpair.errors import Unavailable
from tokenpair.stores.sql.errors import ErrorTranslator
from tokenpair.stores.sql.postgres.connection import Connector, limits
from tokenpair.stores.sql.postgres.errors import LOST
from tokenpair.stores.sql.renewal import RENEW, rotate_before
from tokenpair.stores.sql.session_state import to_session_state
from tokenpair.stores.sql.timeouts import Timeouts

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


@dataclass(frozen=True, slots=True, eq=False)
class _Prepared:
    """A connection, and the statement that is prepared on it."""

    connection: asyncpg.Connection
    statement: PreparedStatement


class PostgresRenewals:
    """Runs RENEW, each time as a transaction of its own.

    A caller that waits too long for one of the `size` connections, or for its session's row, gets
    `Unavailable`.
    """

    def __init__(
        self, connector: Connector, errors: ErrorTranslator, timeouts: Timeouts, *, size: int
    ) -> None:
        self._connector = connector
        self._errors = errors
        self._timeouts = timeouts
        self._settings = limits(
            lock=timeouts.renewal, statement=timeouts.renewal + timeouts.renewal_statement
        )
        self._size = size
        self._places = asyncio.Semaphore(size)
        self._idle: list[_Prepared] = []

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
        idle, self._idle = self._idle, []
        # The old semaphore may belong to an event loop that has ended.
        self._places = asyncio.Semaphore(self._size)
        closing = (each.connection.close() for each in idle)
        await asyncio.gather(*closing, return_exceptions=True)

    async def _fetch(self, *arguments: object) -> asyncpg.Record | None:
        places = self._places
        if places.locked():
            await self._wait_for(places)
        else:
            await places.acquire()
        try:
            with self._errors:
                return await self._execute(arguments)
        finally:
            places.release()

    async def _wait_for(self, places: asyncio.Semaphore) -> None:
        try:
            async with asyncio.timeout(self._timeouts.pool):
                await places.acquire()
        except TimeoutError as exc:
            name = self._connector.url.name
            raise Unavailable(f"timed out waiting for a connection to {name}") from exc

    async def _execute(self, arguments: tuple[object, ...]) -> asyncpg.Record | None:
        """Execute on an idle connection, or on a new one if the server has closed that.

        If the server did carry out the first attempt, the second is a *repeat*.
        """
        if self._idle:
            try:
                return await self._execute_on(self._idle.pop(), arguments)
            except TimeoutError:
                raise  # An OSError, too; but a second attempt would take as long again.
            except LOST:
                # The server has most likely closed the others, too.
                for each in self._idle:
                    each.connection.terminate()
                self._idle.clear()
        return await self._execute_on(await self._connect(), arguments)

    async def _execute_on(
        self, prepared: _Prepared, arguments: tuple[object, ...]
    ) -> asyncpg.Record | None:
        try:
            row = await prepared.statement.fetchrow(*arguments, timeout=self._timeouts.response)
        except BaseException:
            # After an error or a cancellation the connection's state is unknown.
            prepared.connection.terminate()
            raise
        self._idle.append(prepared)
        return row

    async def _connect(self) -> _Prepared:
        connection = await self._connector.connect(self._settings)
        try:
            async with asyncio.timeout(self._timeouts.connect):
                return _Prepared(connection, await connection.prepare(_NUMBERED))
        except BaseException:
            connection.terminate()
            raise
