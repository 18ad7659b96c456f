"""The feed of revocations, as ports."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from tokenpair.core.sessions.revocation import Revocation
from tokenpair.core.tokens.claims import AccessClaims

FeedPosition = tuple[Any, ...]
"""How far a reader of the feed has come: the storage's own, to be handed back as it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedPage:
    """What is new in the feed, up to `position`; `now` is the time by the storage's clock."""

    entries: Sequence[Revocation]
    position: FeedPosition
    now: datetime


class WakeUp(Protocol):
    """Notifies other workers that the feed has new entries. Any notification may be lost."""

    async def notify(self) -> None:
        """Notify the other workers. Raises `Unavailable`."""
        ...

    def notifications(self) -> AsyncIterator[None]:
        """Yield once when it starts to listen, and once for each notification after that.

        Ends with `Unavailable`; the caller may then call it again.
        """
        ...

    async def close(self) -> None:
        """Let go of every connection. Twice is fine."""
        ...


class Watch(Protocol):
    """Knows what has been revoked, without looking it up."""

    def require_unrevoked(self, claims: AccessClaims) -> None:
        """Require that nothing has been revoked that a verified access token stands on.

        Raises `SessionEnded`, `StaleToken`, and `Unavailable` when that cannot be told.
        """
        ...

    async def catch_up(self) -> None:
        """Wait for a second at most, where waiting may help `require_unrevoked` to answer."""
        ...
