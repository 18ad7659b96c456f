"""Find a connection pooler that gives each transaction, or each statement, another connection.

Behind one, prepared statements vanish, settings reach other clients, and LISTEN hears nothing. So
the start is refused. All statements here are sent unprepared, for that is what fails there.
"""

import secrets
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tokenpair.stores.sql.postgres.connection import Connector

SHARED_SESSIONS = (
    "the database is behind a connection pooler that gives each transaction another connection "
    "(PgBouncer's pool_mode=transaction or statement); use pool_mode=session, or the address "
    "of the server itself"
)

# A pooler that is busy with others may give the same connection twice in a row, by chance.
_TRIES = 10


class PoolerCheck:
    """Looks whether the connections of a PostgreSQL URL keep their sessions.

    `connector` is None for SQLite, where there is nothing to look for.
    """

    def __init__(self, connector: "Connector | None") -> None:
        self._connector = connector
        self._is_pooled = False

    async def shares_sessions(self) -> bool:
        """Is there such a pooler? Raises asyncpg's errors and OSError."""
        if self._connector is None:
            return False
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
        """Has a pooler that was there at the start changed its mode? Raises as the above.

        A server that was connected to without a pooler costs nothing.
        """
        return self._is_pooled and await self.shares_sessions()


async def _is_direct(connection: Any) -> bool:  # noqa: ANN401  asyncpg has no types.
    """Is the process that answers the one that let us in? A pooler makes up a number."""
    return await _is_true(connection, f"pg_backend_pid() = {connection.get_server_pid()}")


async def _share(first: Any, second: Any) -> bool:  # noqa: ANN401  As above.
    """Does the first client lose what it has set, or see what the second has?"""
    own = secrets.token_hex(8)
    await first.execute(f"SET tokenpair.client = '{own}'")
    for _ in range(_TRIES):
        await second.execute("SET tokenpair.client = 'another'")
        if not await _is_true(first, f"current_setting('tokenpair.client', true) = '{own}'"):
            return True
    return False


async def _is_true(connection: Any, condition: str) -> bool:  # noqa: ANN401  As above.
    # The driver prepares what it fetches rows of; the number of rows it tells without.
    return bool(await connection.execute(f"SELECT WHERE {condition}") == "SELECT 1")
