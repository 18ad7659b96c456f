"""Wake-ups by PostgreSQL's own LISTEN and NOTIFY."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import asyncpg

from tokenpair.errors import Unavailable
from tokenpair.reasons import reason_of

CHANNEL = "tokenpair_revocation"
_ERRORS = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError)
_SECONDS = 5
_SILENCE_SECONDS = 15


class PostgresWakeUp:
    """Two connections: one listens for its whole life, the other notifies."""

    def __init__(
        self,
        connect: Callable[[], Awaitable[asyncpg.Connection]],
        *,
        silence_seconds: float = _SILENCE_SECONDS,
    ) -> None:
        """`connect` opens a connection. `silence_seconds` without a message start a check of it."""
        self._connect = connect
        self._silence_seconds = silence_seconds
        self._notifying: asyncpg.Connection | None = None

    async def notify(self) -> None:
        try:
            if self._notifying is None or self._notifying.is_closed():
                self._notifying = await self._connect()
            await self._notifying.execute(f"NOTIFY {CHANNEL}", timeout=_SECONDS)
        except _ERRORS as exc:
            self._terminate()
            raise Unavailable(f"the database cannot be used now: {reason_of(exc)}") from exc

    async def notifications(self) -> AsyncIterator[None]:
        notified = asyncio.Event()
        connection = None
        try:
            connection = await self._connect()
            connection.add_termination_listener(lambda _: notified.set())
            await connection.add_listener(CHANNEL, lambda *_: notified.set())
            # For what was notified before the connection listened.
            yield
            while not connection.is_closed():
                if await self._is_notified(notified):
                    yield
                else:
                    # A connection that the network has lost is silent, too.
                    await connection.execute("SELECT 1", timeout=_SECONDS)
        except _ERRORS as exc:
            raise Unavailable(f"the database cannot be used now: {reason_of(exc)}") from exc
        finally:
            if connection:
                connection.terminate()
        raise Unavailable("the database has closed the connection")

    async def _is_notified(self, notified: asyncio.Event) -> bool:
        try:
            async with asyncio.timeout(self._silence_seconds):
                await notified.wait()
        except TimeoutError:
            return False
        notified.clear()
        return True

    async def close(self) -> None:
        # Without PostgreSQL's Terminate message, which an unreachable server would make slow:
        # each notification has been acknowledged.
        self._terminate()

    def _terminate(self) -> None:
        connection, self._notifying = self._notifying, None
        if connection:
            connection.terminate()
