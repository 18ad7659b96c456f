"""How the parts stand without which no request can be answered."""

from dataclasses import dataclass, field
from enum import Enum


class Condition(Enum):
    """How a part stands."""

    OK = "ok"
    FAILING = "failing"
    UNKNOWN = "unknown"  # It could not be looked at, or means nothing to us.


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """How each part stands.

    `database`: does it answer? `migrations`: are its tables the ones that this version needs?
    `clock`: does it agree with the database's? `feed`: is it known what has been revoked?
    `reasons` says what is amiss, for the log alone: it may name the database.
    """

    database: Condition = Condition.UNKNOWN
    migrations: Condition = Condition.UNKNOWN
    clock: Condition = Condition.UNKNOWN
    feed: Condition = Condition.UNKNOWN
    reasons: tuple[str, ...] = field(default=(), repr=False)

    @property
    def is_ready(self) -> bool:
        """Can requests be answered? What is unknown does not keep them from it."""
        parts = (self.database, self.migrations, self.clock, self.feed)
        return Condition.FAILING not in parts
