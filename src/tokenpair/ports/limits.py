"""Port of the counters of rate limits."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from tokenpair.core.limits import Place, Refused, Taken


class LimitCounters(Protocol):
    """Counts attempts, for all workers together. The rules are in `core.limits`.

    A counter is written and read by one clock: the caller's, as `now`. Every method raises
    `Unavailable` when the counters cannot be reached.
    """

    async def reserve(self, places: Sequence[Place], now: datetime) -> Sequence[Taken] | Refused:
        """Take each place (`core.limits.take`), or none of them if one of its counters is closed.

        A place with an `unless` that is known is not needed: it is neither taken nor does it
        refuse. Of several refusals, return the one that lasts longest. Nothing is written then.

        Reading a counter and writing it is one atomic step: of attempts at the same time, no more
        are accepted than of attempts one after another. No lock is held when this returns.
        """
        ...

    async def release(
        self,
        taken: Sequence[Taken],
        now: datetime,
        *,
        clear: Sequence[bytes] = (),
        known: Mapping[bytes, datetime] | None = None,
    ) -> None:
        """Return places to their counters (`core.limits.give_back`), in one step with the rest.

        A place of a counter that has ended since, or belongs to its next period, is not given
        back. Forget the counters in `clear`; a place there is not given back either. Each key of
        `known` is known until its time, or longer if it was before.
        """
        ...

    async def close(self) -> None:
        """Close what they opened. A second call does nothing; they may be used again."""
        ...
