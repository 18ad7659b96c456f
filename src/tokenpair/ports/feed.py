"""Ports of the feed of revocations: what a storage returns, wake-ups, and a worker's copy."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from tokenpair.core.sessions.revocation import Revocation
from tokenpair.core.tokens.claims import AccessClaims

FeedPosition = tuple[Any, ...]
"""How far a reader has read the feed. Only the storage that returned it knows what it means."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedPage:
    """New entries of the feed up to `position`. `now` is the time by the storage's clock."""

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
        """Close every connection. A second call does nothing."""
        ...


class Watch(Protocol):
    """What has been revoked, as this process knows it."""

    def require_unrevoked(self, claims: AccessClaims) -> None:
        """Require that neither the session nor the roles of verified claims have been revoked.

        No I/O. Raises `SessionEnded`, `StaleToken`, and `Unavailable` when this process has not
        read the feed recently enough.
        """
        ...

    async def catch_up(self) -> None:
        """Wait up to a second for the feed to be read, if `require_unrevoked` needs that."""
        ...
