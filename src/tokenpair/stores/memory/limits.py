"""The counters of rate limits in memory, for one process."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from tokenpair.core.limits import Counter, Place, Refused, Taken, give_back, refusal, take

_MIN_SWEEP = 1000


class MemoryLimits:
    """`ports.LimitCounters` over a dictionary. No method awaits anything, so each is atomic."""

    def __init__(self) -> None:
        self._counters: dict[bytes, Counter] = {}
        self._sweep_at = _MIN_SWEEP

    def __len__(self) -> int:
        return len(self._counters)

    async def reserve(self, places: Sequence[Place], now: datetime) -> Sequence[Taken] | Refused:
        """Take each place, or none."""
        needed = [each for each in places if not (each.unless and self._find(each.unless, now))]
        closed = {
            each.key: found.closed_until
            for each in needed
            if (found := self._find(each.key, now)) and found.closed_until
        }
        if refused := refusal(needed, closed, now):
            return refused
        self._sweep(now)
        return [self._take(each, now) for each in needed]

    async def release(
        self,
        taken: Sequence[Taken],
        now: datetime,
        *,
        clear: Sequence[bytes] = (),
        known: Mapping[bytes, datetime] | None = None,
    ) -> None:
        """Return places, forget counters, and remember keys."""
        for key in clear:
            self._counters.pop(key, None)
        for each in taken:
            found = self._find(each.key, now)
            if found and each.is_of(found):
                self._counters[each.key] = give_back(found)
        for key, until in (known or {}).items():
            before = self._find(key, now)
            ends_at = max(until, before.ends_at) if before else until
            self._counters[key] = Counter(used=0, ends_at=ends_at)

    async def close(self) -> None:
        """Do nothing: there is nothing to close."""

    def _take(self, place: Place, now: datetime) -> Taken:
        counter = take(self._counters.get(place.key), place.limit, now)
        self._counters[place.key] = counter
        return Taken(key=place.key, ends_at=place.limit.period_of(counter.ends_at))

    def _find(self, key: bytes, now: datetime) -> Counter | None:
        found = self._counters.get(key)
        return found if found and found.is_live(now) else None

    def _sweep(self, now: datetime) -> None:
        """Remove the counters that have ended, when there are twice as many as the last time."""
        if len(self._counters) >= self._sweep_at:
            self._counters = {
                key: each for key, each in self._counters.items() if each.is_live(now)
            }
            self._sweep_at = max(_MIN_SWEEP, 2 * len(self._counters))
