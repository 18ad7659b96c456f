"""Connections on which statements are prepared, and a list of the idle ones.

The list is the library's own, because asyncpg's pool makes a round trip to reset each connection
that is returned.
"""

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import asyncpg
from asyncpg.prepared_stmt import PreparedStatement

from tokenpair.stores.sql.postgres.connection import Connector
from tokenpair.stores.sql.postgres.errors import LOST
from tokenpair.stores.sql.timeouts import Timeouts


@dataclass(frozen=True, slots=True, eq=False)
class _Prepared:
    connection: asyncpg.Connection
    statements: Mapping[str, PreparedStatement]
    """By their text."""


class PreparedConnections:
    """Runs prepared statements of one event loop. The caller limits how many at a time."""

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
        self._busy: set[_Prepared] = set()
        self._opening: set[asyncio.Timeout] = set()
        self._is_closed = False

    async def fetch(self, text: str, arguments: Sequence[object]) -> list[asyncpg.Record]:
        """Run one of the statements on an idle connection, or on a new one.

        If the server has closed the idle connection, try once more on a new one. If the server did
        carry out the first attempt, the second is a *repeat*. Raises asyncpg's errors and OSError,
        also after `close`.
        """
        if self._idle:
            try:
                return await self._fetch_on(self._idle.pop(), text, arguments)
            except TimeoutError:
                raise  # An OSError, too; but a second attempt would take as long again.
            except LOST:
                # The server has most likely closed the others, too.
                self._drop_idle()
        return await self._fetch_on(await self._connect(), text, arguments)

    async def close(self) -> None:
        """Close every connection, and run no more statements.

        Those under way fail at once, also if the server does not respond. It may still carry them
        out: as after every lost connection, the next attempt is then a *repeat*.
        """
        self._is_closed = True
        for limit in self._opening:
            limit.reschedule(asyncio.get_running_loop().time())
        for each in self._busy:
            each.connection.terminate()
        idle, self._idle = self._idle, []
        closing = (each.connection.close() for each in idle)
        await asyncio.gather(*closing, return_exceptions=True)

    def abandon(self) -> None:
        """Drop every connection, because their event loop has ended.

        It can close no sockets any more: the garbage collector does.
        """
        self._is_closed = True
        self._drop_idle()
        for each in list(self._busy):
            _drop(each)

    def _drop_idle(self) -> None:
        for each in self._idle:
            _drop(each)
        self._idle.clear()

    async def _fetch_on(
        self, prepared: _Prepared, text: str, arguments: Sequence[object]
    ) -> list[asyncpg.Record]:
        self._busy.add(prepared)
        is_usable = False
        try:
            rows: list[asyncpg.Record] = await prepared.statements[text].fetch(
                *arguments, timeout=self._timeouts.response
            )
            is_usable = True
        except asyncpg.LockNotAvailableError:
            is_usable = True  # The server has ended the statement only.
            raise
        finally:
            # After another error or a cancellation, the connection's state is unknown.
            self._busy.discard(prepared)
            if is_usable and not self._is_closed:
                self._idle.append(prepared)
            else:
                _drop(prepared)
        return rows

    async def _connect(self) -> _Prepared:
        """Open a connection. `close` ends the wait for it."""
        self._require_open()
        async with asyncio.timeout(None) as limit:
            self._opening.add(limit)
            try:
                prepared = await self._prepare(await self._connector.connect(*self._settings))
            finally:
                self._opening.discard(limit)
        if self._is_closed:  # `close` did not see it if it was ready in the same moment.
            _drop(prepared)
        self._require_open()
        return prepared

    def _require_open(self) -> None:
        if self._is_closed:
            raise asyncpg.InterfaceError("its connections are being closed")

    async def _prepare(self, connection: asyncpg.Connection) -> _Prepared:
        try:
            async with asyncio.timeout(self._timeouts.connect):
                statements = {text: await connection.prepare(text) for text in self._texts}
        except BaseException:
            connection.terminate()
            raise
        return _Prepared(connection, statements)


def _drop(prepared: _Prepared) -> None:
    with contextlib.suppress(RuntimeError):  # Its event loop may have ended.
        prepared.connection.terminate()
