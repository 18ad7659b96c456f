"""Limits and places for the contract of counters, and the rules without a store."""
# ruff: noqa: S101  Its helpers assert.

import os
from collections.abc import Sequence
from datetime import datetime, timedelta

from tokenpair.core.limits import (
    Counter,
    Limit,
    LimitName,
    Place,
    Refused,
    Taken,
    give_back,
    refusal,
    take,
)
from tokenpair.ports import LimitCounters
from tokenpair.testing.store_contract.samples import NOW

MINUTE = timedelta(minutes=1)
SECOND = timedelta(seconds=1)
THREE = Limit(name=LimitName.PASSWORD, count=3, period=MINUTE)
ONE = Limit(name=LimitName.SIGN_UP, count=1, period=10 * MINUTE)
WAITING = Limit(
    name=LimitName.PASSWORD_IN_A_ROW, count=2, period=MINUTE, waits=(SECOND, 4 * SECOND)
)


def place(limit: Limit = THREE, *, unless: bytes | None = None) -> Place:
    """Return a place at a new counter."""
    return Place(limit=limit, key=os.urandom(32), unless=unless)


async def took(limits: LimitCounters, place: Place, now: datetime = NOW) -> Taken:
    """Take one place, which must be free."""
    result = await limits.reserve([place], now)
    assert not isinstance(result, Refused)
    (taken,) = result
    return taken


async def until(limits: LimitCounters, *places: Place, now: datetime = NOW) -> datetime:
    """Return until when the places are refused, which they must be."""
    result = await limits.reserve(places, now)
    assert isinstance(result, Refused)
    return result.until


class Model:
    """The rules of `core.limits`, one call after another."""

    def __init__(self) -> None:
        self.counters: dict[bytes, Counter] = {}

    def reserve(self, places: Sequence[Place], now: datetime) -> list[Taken] | Refused:
        """Take the places, or none."""
        live = {key: each for key, each in self.counters.items() if each.is_live(now)}
        needed = [each for each in places if each.unless not in live]
        closed = {key: each.closed_until for key, each in live.items() if each.closed_until}
        if refused := refusal(needed, closed, now):
            return refused
        taken = []
        for each in needed:
            counter = self.counters[each.key] = take(live.get(each.key), each.limit, now)
            ends_at = None if each.limit.waits else counter.ends_at
            taken.append(Taken(key=each.key, ends_at=ends_at))
        return taken

    def release(
        self, taken: list[Taken], now: datetime, clear: list[bytes], known: dict[bytes, datetime]
    ) -> None:
        """Return places, clear and remember."""
        for key in clear:
            self.counters.pop(key, None)
        for each in taken:
            found = self.counters.get(each.key)
            if found and found.is_live(now) and each.is_of(found):
                self.counters[each.key] = give_back(found)
        for key, moment in known.items():
            before = self.counters.get(key)
            moment = max(moment, before.ends_at) if before else moment  # noqa: PLW2901
            self.counters[key] = Counter(used=0, ends_at=moment)
