"""The condition of the parts that a request needs."""

from dataclasses import dataclass, field
from enum import Enum


class Condition(Enum):
    """The condition of a part."""

    OK = "ok"
    FAILING = "failing"
    UNKNOWN = "unknown"  # It could not be checked, or has no meaning here.


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """The condition of each part.

    `database`: does it respond? `migrations`: does it have the tables that this version needs?
    `clock`: does this worker's clock agree with the database's? `feed`: were the revocations read
    recently? `reasons` names what is wrong, for the log only: it may name the database.
    """

    database: Condition = Condition.UNKNOWN
    migrations: Condition = Condition.UNKNOWN
    clock: Condition = Condition.UNKNOWN
    feed: Condition = Condition.UNKNOWN
    reasons: tuple[str, ...] = field(default=(), repr=False)

    @property
    def is_ready(self) -> bool:
        """Can requests be answered? A part of unknown condition does not prevent it."""
        parts = (self.database, self.migrations, self.clock, self.feed)
        return Condition.FAILING not in parts
