"""Wake-ups by PostgreSQL's own LISTEN and NOTIFY."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import asyncpg

from tokenpair.errors import Unavailable

CHANNEL = "tokenpair_revocation"
_ERRORS = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError)
_SECONDS = 5
_SILENCE_SECONDS = 15


class PostgresWakeUp:
    """Two connections: one listens, for as long as it lives; the other tells."""

    def __init__(
        self,
        connect: Callable[[], Awaitable[asyncpg.Connection]],
        *,
        silence_seconds: float = _SILENCE_SECONDS,
    ) -> None:
        """`connect` opens a connection; `silence_seconds` later a silent server is asked."""
        self._connect = connect
        self._silence_seconds = silence_seconds
        self._teller: asyncpg.Connection | None = None

    async def wake(self) -> None:
        try:
            if self._teller is None or self._teller.is_closed():
                self._teller = await self._connect()
            await self._teller.execute(f"NOTIFY {CHANNEL}", timeout=_SECONDS)
        except _ERRORS as exc:
            self._terminate()
            raise Unavailable(f"the database cannot be used now: {exc}") from exc

    async def wakings(self) -> AsyncIterator[None]:
        woken = asyncio.Event()
        connection = None
        try:
            connection = await self._connect()
            connection.add_termination_listener(lambda _: woken.set())
            await connection.add_listener(CHANNEL, lambda *_: woken.set())
            # Whatever was told before we listened.
            yield
            while not connection.is_closed():
                if await self._is_told(woken):
                    yield
                else:
                    # A connection that is lost in the network says nothing either.
                    await connection.execute("SELECT 1", timeout=_SECONDS)
        except _ERRORS as exc:
            raise Unavailable(f"the database cannot be used now: {exc}") from exc
        finally:
            if connection:
                connection.terminate()
        raise Unavailable("the database has hung up")

    async def _is_told(self, woken: asyncio.Event) -> bool:
        try:
            async with asyncio.timeout(self._silence_seconds):
                await woken.wait()
        except TimeoutError:
            return False
        woken.clear()
        return True

    async def close(self) -> None:
        # Without a farewell, which might not be heard: what was told has been acknowledged.
        self._terminate()

    def _terminate(self) -> None:
        teller, self._teller = self._teller, None
        if teller:
            teller.terminate()
