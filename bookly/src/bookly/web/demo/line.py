"""The line of a session's refresh tokens, as the panel draws it. It holds no token."""

from dataclasses import dataclass, field
from enum import Enum
from hashlib import sha256
from typing import Any

KEPT_DOTS = 1000
"""Number of refresh tokens of a session that are drawn; later ones are not."""


class Holder(Enum):
    """Which party presents a token."""

    OWNER = "owner"
    THIEF = "thief"


@dataclass(slots=True, kw_only=True)
class Dot:
    """One refresh token: its place in the line, and what has become of it."""

    number: int
    parent: int | None
    generation: int
    holders: set[Holder]
    is_used: bool = False
    is_replayed: bool = False

    def as_json(self) -> dict[str, Any]:
        """Return what the page needs."""
        return {
            "number": self.number,
            "parent": self.parent,
            "generation": self.generation,
            "holders": sorted(each.value for each in self.holders),
            "used": self.is_used,
            "replayed": self.is_replayed,
        }


@dataclass(slots=True)
class Line:
    """The dots of one session, in the order of their tokens' issue.

    The same token is the same dot, so a dot shows whether an answer was identical.
    """

    dots: list[Dot] = field(default_factory=list)
    head: Dot | None = None
    _by_token: dict[bytes, Dot] = field(default_factory=dict)

    @property
    def generation(self) -> int:
        """The generation of the token that the session has accepted last; 0 before the first."""
        return self.head.generation if self.head else 0

    def find(self, token: str) -> Dot | None:
        """Return the dot of a token; None if it was not issued for this session."""
        return self._by_token.get(_digest(token))

    def issue(self, token: str, parent: Dot | None, holder: Holder) -> Dot | None:
        """Return the dot of an issued token, which this holder has from now on; None if full."""
        dot = self.find(token)
        if dot is None:
            if len(self.dots) == KEPT_DOTS:
                return None
            dot = Dot(
                number=len(self.dots) + 1,
                parent=parent.number if parent else None,
                generation=parent.generation + 1 if parent else 1,
                holders=set(),
            )
            self.dots.append(dot)
            self._by_token[_digest(token)] = dot
        dot.holders.add(holder)
        return dot

    def accept(self, dot: Dot) -> None:
        """Make a token the head."""
        dot.is_used = True
        self.head = dot


def _digest(token: str) -> bytes:
    return sha256(token.encode("utf-8", "surrogatepass")).digest()
