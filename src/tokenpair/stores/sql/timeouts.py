"""Time limits of everything that waits for a database."""

import math
from dataclasses import dataclass, fields

from tokenpair.errors import ConfigurationError

_MIN_SECONDS = 0.001


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """Time limits in seconds. A caller that runs into one gets `Unavailable`."""

    connect: float = 5
    """Limit for one connection to be opened; of several hosts, for all of them together."""
    pool: float = 10
    """Wait for a free connection; on SQLite, also for the turn to write."""
    unit: float = 15
    """Length of a unit of work or a read, and of each of its statements.

    The feed reads back four times as far: see `stores.sql.postgres.feed`.
    """
    lock: float = 5
    """Wait for a lock that another transaction holds."""
    read: float = 5
    """Length of one statement on a connection that only reads (PostgreSQL)."""
    renewal: float = 3
    """Wait of a renewal for its locked row (PostgreSQL)."""
    lane: float = 0.02
    """Wait for a locked row on a connection that other renewals wait for (PostgreSQL)."""
    renewal_statement: float = 2
    """Time for a renewal's statement itself, besides its wait for the row (PostgreSQL)."""
    response: float = 10
    """Wait for the server's response to a renewal, and for the feed to be read.

    Longer than the server's own limits: only a server that is unreachable takes as long.
    """
    close: float = 1
    """Wait for the server when a connection is closed: it may be unreachable by then."""
    health: float = 3
    """Length of a health check."""

    def __post_init__(self) -> None:
        """Raises `ConfigurationError` for a limit below a millisecond, or an infinite one.

        PostgreSQL reads 0 milliseconds as no limit.
        """
        for field in fields(self):
            if not _MIN_SECONDS <= getattr(self, field.name) < math.inf:
                raise ConfigurationError(
                    f"Timeouts({field.name}=...) must be finite and at least {_MIN_SECONDS} s"
                )


DEFAULT_TIMEOUTS = Timeouts()
