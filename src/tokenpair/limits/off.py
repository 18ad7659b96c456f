"""No limits, for tests and for measuring."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from tokenpair.core.limits import Place, Refused, Taken


class NoLimits:
    """`ports.LimitCounters` that accept every attempt and remember none."""

    async def reserve(self, places: Sequence[Place], now: datetime) -> Sequence[Taken] | Refused:  # noqa: ARG002
        """Accept the attempt, without a place."""
        return []

    async def release(
        self,
        taken: Sequence[Taken],
        now: datetime,
        *,
        clear: Sequence[bytes] = (),
        known: Mapping[bytes, datetime] | None = None,
    ) -> None:
        """Do nothing."""

    async def close(self) -> None:
        """Do nothing."""
