"""Wake-ups by PostgreSQL's own LISTEN and NOTIFY."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import asyncpg

from tokenpair.errors import Unavailable

CHANNEL = "tokenpair_revocation"
_SECONDS = 5


class PostgresWakeUp:
    """Two connections: one listens, for as long as it lives; the other tells."""

    def __init__(self, arguments: dict[str, Any]) -> None:
        """Take what asyncpg's `connect` takes."""
        self._arguments = arguments
        self._teller: asyncpg.Connection | None = None

    async def wake(self) -> None:
        try:
            if self._teller is None or self._teller.is_closed():
                self._teller = await asyncpg.connect(**self._arguments)
            await self._teller.execute(f"NOTIFY {CHANNEL}", timeout=_SECONDS)
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as exc:
            self._teller = None
            raise Unavailable(f"the database does not answer: {exc}") from exc

    async def wakings(self) -> AsyncIterator[None]:
        woken = asyncio.Event()
        connection = None
        try:
            connection = await asyncpg.connect(**self._arguments)
            connection.add_termination_listener(lambda _: woken.set())
            await connection.add_listener(CHANNEL, lambda *_: woken.set())
            # Whatever was told before we listened.
            yield
            while not connection.is_closed():
                await woken.wait()
                woken.clear()
                yield
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as exc:
            raise Unavailable(f"the database does not answer: {exc}") from exc
        finally:
            if connection:
                connection.terminate()
        raise Unavailable("the database has hung up")

    async def close(self) -> None:
        teller, self._teller = self._teller, None
        if teller:
            await teller.close(timeout=_SECONDS)
