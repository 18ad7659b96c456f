"""Renewals that are sent alone: each waits for its session's row on a connection of its own.

Only one renewal of a session waits for the row. The others of the session wait for that one, and
occupy no connection: clients that present one token many times cannot use up the connections that
other sessions need.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from weakref import WeakValueDictionary

from tokenpair.errors import Unavailable
from tokenpair.stores.sql.postgres.prepared import PreparedConnections
from tokenpair.stores.sql.postgres.statements import RENEW_ONE, SESSION_ID, Arguments, Row


class Singles:
    """Sends renewals of one event loop, each in a statement of its own.

    Once the connections are closed, the renewals that wait for one are refused.
    """

    def __init__(self, connections: PreparedConnections, *, number: int, name: str) -> None:
        """`connections` prepare `RENEW_ONE`, and `number` limits them; `name` is the database's."""
        self._connections = connections
        self._name = name
        self._places = asyncio.Semaphore(number)
        # By session. It disappears when no renewal waits for it or holds it. Not `asyncio.Lock`,
        # which counts as free as soon as it is released, although others wait for it.
        self._turns: WeakValueDictionary[object, asyncio.Semaphore] = WeakValueDictionary()

    async def renew(self, arguments: Arguments, deadline: float) -> Row | None:
        """Renew a session; return None if the token is not accepted.

        A renewal that waits for a connection until `deadline`, by the event loop's clock, gets
        `Unavailable`. Raises asyncpg's errors and OSError.
        """
        turn = self._turns.setdefault(arguments[SESSION_ID], asyncio.Semaphore(1))
        async with self._holding(turn, deadline), self._holding(self._places, deadline):
            rows = await self._connections.fetch(RENEW_ONE, arguments)
        return rows[0] if rows else None

    @asynccontextmanager
    async def _holding(self, lock: asyncio.Semaphore, deadline: float) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout_at(deadline if lock.locked() else None):
                await lock.acquire()
        except TimeoutError as exc:
            raise Unavailable(f"timed out waiting for the database {self._name}") from exc
        try:
            yield
        finally:
            lock.release()
