"""Connections on which statements are prepared, and a list of the idle ones.

The list is the library's own, because asyncpg's pool makes a round trip to reset each connection
that is returned.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import asyncpg
from asyncpg.prepared_stmt import PreparedStatement

from tokenpair.stores.sql.postgres.connection import Connector
from tokenpair.stores.sql.postgres.errors import LOST
from tokenpair.stores.sql.timeouts import Timeouts


@dataclass(frozen=True, slots=True, eq=False)
class _Prepared:
    connection: asyncpg.Connection
    statements: Sequence[PreparedStatement]


class PreparedConnections:
    """Runs prepared statements. The caller limits how many at a time."""

    def __init__(
        self,
        connector: Connector,
        timeouts: Timeouts,
        *,
        settings: Sequence[str],
        texts: Sequence[str],
    ) -> None:
        """`settings` are executed on each new connection, and `texts` prepared."""
        self._connector = connector
        self._timeouts = timeouts
        self._settings = settings
        self._texts = texts
        self._idle: list[_Prepared] = []
        self._is_closed = False

    async def fetch(self, which: int, arguments: Sequence[object]) -> list[asyncpg.Record]:
        """Run the statement `texts[which]` on an idle connection, or on a new one.

        If the server has closed the idle connection, try once more on a new one. If the server did
        carry out the first attempt, the second is a *repeat*. Raises asyncpg's errors and OSError.
        """
        if self._idle:
            try:
                return await self._fetch_on(self._idle.pop(), which, arguments)
            except TimeoutError:
                raise  # An OSError, too; but a second attempt would take as long again.
            except LOST:
                # The server has most likely closed the others, too.
                for each in self._idle:
                    each.connection.terminate()
                self._idle.clear()
        return await self._fetch_on(await self._connect(), which, arguments)

    async def close(self) -> None:
        """Close the idle connections now, and the others when their statement ends."""
        self._is_closed = True
        idle, self._idle = self._idle, []
        closing = (each.connection.close() for each in idle)
        await asyncio.gather(*closing, return_exceptions=True)

    async def _fetch_on(
        self, prepared: _Prepared, which: int, arguments: Sequence[object]
    ) -> list[asyncpg.Record]:
        try:
            rows: list[asyncpg.Record] = await prepared.statements[which].fetch(
                *arguments, timeout=self._timeouts.response
            )
        except BaseException:
            # After an error or a cancellation the connection's state is unknown.
            prepared.connection.terminate()
            raise
        if self._is_closed:
            prepared.connection.terminate()
        else:
            self._idle.append(prepared)
        return rows

    async def _connect(self) -> _Prepared:
        connection = await self._connector.connect(*self._settings)
        try:
            async with asyncio.timeout(self._timeouts.connect):
                statements = [await connection.prepare(text) for text in self._texts]
        except BaseException:
            connection.terminate()
            raise
        return _Prepared(connection, statements)
