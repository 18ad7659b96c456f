"""The size of a connection pool, the options that all engines share, and how pools are closed."""

from collections.abc import Awaitable
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from tokenpair.machine import usable_cores
from tokenpair.stores.sql.timeouts import Timeouts

RENEWAL_LANES = 2
"""Number of connections on which renewals share statements (PostgreSQL).

One, two and four gave the same throughput; with two, a slow statement holds up half of them.
"""

ConnectionT = TypeVar("ConnectionT")


def default_pool_size() -> int:
    """Return the number of connections in a pool: 4, and 2 for each usable core, at most 10.

    A worker is one process, and keeps no more of them busy.
    """
    return min(10, 4 + 2 * usable_cores())


def engine_options(size: int, timeouts: Timeouts, *, autocommit: bool) -> dict[str, Any]:
    """Return the arguments of SQLAlchemy's `create_async_engine` that fit every database."""
    options: dict[str, Any] = {
        "hide_parameters": True,
        "pool_size": size,
        # No connections beyond the pool: each burst would open them and close them again.
        "max_overflow": 0,
        "pool_timeout": timeouts.pool,
    }
    return options | ({"isolation_level": "AUTOCOMMIT"} if autocommit else {})


class PooledConnections:
    """Closes the connections that are in use when their pools are closed, at the end of their use.

    SQLAlchemy would leave them to the garbage collector, which cannot close them.
    """

    def __init__(self) -> None:
        self._time = object()
        """What the connections have in common that were begun between two closings."""
        self._times: WeakKeyDictionary[object, object] = WeakKeyDictionary()

    async def opened(self, connecting: Awaitable[ConnectionT]) -> ConnectionT:
        """Return a new connection of the driver."""
        time = self._time
        new = await connecting
        self._times[new] = time
        return new

    def watch(self, engine: AsyncEngine) -> None:
        """Look at each connection that is returned to the engine's pool."""
        sa.event.listen(engine.sync_engine, "checkin", self._close_late)

    def close_late(self) -> None:
        """Close all connections that exist now when they are returned."""
        self._time = object()

    def _close_late(self, _: object, entry: sa.pool.ConnectionPoolEntry) -> None:
        connection = entry.driver_connection
        if connection is not None and self._times.get(connection) is not self._time:
            entry.invalidate()
