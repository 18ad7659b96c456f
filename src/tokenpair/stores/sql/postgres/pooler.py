"""Detect a connection pooler that gives each transaction, or each statement, another connection.

Behind such a pooler prepared statements are lost, settings reach other clients, and LISTEN receives
nothing, so the library refuses to start. All statements here are sent unprepared, because prepared
ones fail there.
"""

import secrets
from contextlib import AsyncExitStack
from typing import Any

from tokenpair.stores.sql.postgres.connection import Connector

SHARED_SESSIONS = (
    "the database is behind a connection pooler that gives each transaction another connection "
    "(PgBouncer's pool_mode=transaction or statement); use pool_mode=session, or the address "
    "of the server itself"
)

# A busy pooler may happen to give the same connection twice in a row.
_TRIES = 10


class PoolerCheck:
    """Checks whether the connections of a PostgreSQL URL keep their sessions."""

    def __init__(self, connector: Connector) -> None:
        self._connector = connector
        self._is_pooled = False

    async def shares_sessions(self) -> bool:
        """Return whether there is such a pooler. Raises asyncpg's errors and OSError."""
        async with AsyncExitStack() as stack:
            first = await self._connector.connect()
            stack.push_async_callback(first.close)
            self._is_pooled = not await _is_direct(first)
            if not self._is_pooled:
                return False
            second = await self._connector.connect()
            stack.push_async_callback(second.close)
            return await _share(first, second)

    async def shares_sessions_now(self) -> bool:
        """Return whether a pooler that was found at the start has changed its mode since.

        Without a pooler nothing is asked. Raises as above.
        """
        return self._is_pooled and await self.shares_sessions()


async def _is_direct(connection: Any) -> bool:  # noqa: ANN401  asyncpg has no types.
    """Return whether the process that answers is the one that accepted the connection."""
    return await _is_true(connection, f"pg_backend_pid() = {connection.get_server_pid()}")


async def _share(first: Any, second: Any) -> bool:  # noqa: ANN401  asyncpg has no types.
    """Return whether the first client loses its setting, or sees that of the second."""
    own = secrets.token_hex(8)
    await first.execute(f"SET tokenpair.client = '{own}'")
    for _ in range(_TRIES):
        await second.execute("SET tokenpair.client = 'another'")
        if not await _is_true(first, f"current_setting('tokenpair.client', true) = '{own}'"):
            return True
    return False


async def _is_true(connection: Any, condition: str) -> bool:  # noqa: ANN401  asyncpg has no types.
    # The driver prepares a statement to fetch its rows; `execute` only returns their number.
    return bool(await connection.execute(f"SELECT WHERE {condition}") == "SELECT 1")
