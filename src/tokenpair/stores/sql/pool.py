"""The size of a connection pool, and the options that all engines share."""

from typing import Any

from tokenpair.machine import usable_cores
from tokenpair.stores.sql.timeouts import Timeouts

RENEWAL_LANES = 2
"""Number of connections on which renewals share statements (PostgreSQL).

One, two and four gave the same throughput; with two, a slow statement holds up half of them.
"""


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
