"""The counters of rate limits in SQL, for all workers that share the database.

A counter is a row. Its key is a hash, and no user: an attempt may name an account that does not
exist. An attempt that is refused reads and writes nothing, except in a race. SQLite and PostgreSQL
run the same statements.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from tokenpair.core.limits import Limit, Place, Refused, Taken, refusal
from tokenpair.stores.sql.tables import UtcDateTime, limit_table

Connect = Callable[[], AbstractAsyncContextManager[AsyncConnection]]
Write = tuple[sa.Executable, dict[str, Any]]

_c = limit_table.c

_RESERVE = """
INSERT INTO tokenpair_limit AS c (key, used, ends_at, closed_until)
VALUES (:key, 1, :end, {first})
ON CONFLICT (key) DO UPDATE SET
  used = CASE WHEN c.ends_at <= :now THEN 1 ELSE c.used + 1 END,
  ends_at = CASE WHEN c.ends_at <= :now THEN excluded.ends_at ELSE {end} END,
  closed_until = CASE WHEN c.ends_at <= :now THEN excluded.closed_until {later} END
-- The WHERE is the lock: of two attempts at once, the second sees what the first has written.
WHERE c.ends_at <= :now OR c.closed_until IS NULL OR c.closed_until <= :now
RETURNING ends_at
"""
_GIVE_BACK = (
    limit_table.update()
    .where(_c.key == sa.bindparam("k"), _c.used > 0)
    .values(used=_c.used - 1, closed_until=None)
)
_OF_PERIOD = _c.ends_at == sa.bindparam("end", type_=UtcDateTime)
_CLEAR = limit_table.delete().where(_c.key == sa.bindparam("k"))
_REMEMBER = sa.text("""
INSERT INTO tokenpair_limit AS c (key, used, ends_at) VALUES (:k, 0, :end)
ON CONFLICT (key) DO UPDATE SET ends_at = excluded.ends_at WHERE c.ends_at < excluded.ends_at
""").bindparams(sa.bindparam("k", type_=sa.LargeBinary), sa.bindparam("end", type_=UtcDateTime))

_RACES = 3
"""Number of tries of a reservation that another one overtakes."""


class _Overtaken(Exception):
    """A counter was closed between the look and the write."""


class SqlLimits:
    """`ports.LimitCounters` in the database of an `SqlStorage`."""

    def __init__(self, reading: Connect, writing: Connect) -> None:
        """`reading` opens a connection for single reads, `writing` a transaction."""
        self._reading = reading
        self._writing = writing

    async def reserve(self, places: Sequence[Place], now: datetime) -> Sequence[Taken] | Refused:
        for _ in range(_RACES):
            live = await self._live(places, now)
            needed = [each for each in places if each.unless not in live]
            closed = {key: until for key, until in live.items() if until}
            if refused := refusal(needed, closed, now):
                return refused
            try:
                async with self._writing() as connection:
                    return [await _take(connection, each, now) for each in _in_order(needed)]
            except _Overtaken:  # Rolled back: none of the places is taken.
                continue
        return Refused(limit=needed[0].limit.name, until=now + timedelta(seconds=1))

    async def release(
        self,
        taken: Sequence[Taken],
        now: datetime,  # noqa: ARG002  A counter that has ended is in no period.
        *,
        clear: Sequence[bytes] = (),
        known: Mapping[bytes, datetime] | None = None,
    ) -> None:
        writes = {each.key: _give_back(each) for each in taken}
        writes |= {key: (_CLEAR, {"k": key}) for key in clear}
        writes |= {key: (_REMEMBER, {"k": key, "end": at}) for key, at in (known or {}).items()}
        async with self._writing() as connection:
            for key in sorted(writes):
                await connection.execute(*writes[key])

    async def close(self) -> None:
        pass  # The storage closes its connections.

    async def _live(self, places: Sequence[Place], now: datetime) -> dict[bytes, datetime | None]:
        """Return until when each counter is closed, of those that have not ended."""
        keys = {each.key for each in places} | {each.unless for each in places if each.unless}
        live = sa.select(_c.key, _c.closed_until).where(_c.key.in_(keys), _c.ends_at > now)
        async with self._reading() as connection:
            return {row.key: row.closed_until for row in await connection.execute(live)}


def _in_order(places: Sequence[Place]) -> list[Place]:
    """Return the places in the order in which every transaction locks its rows: none deadlocks."""
    return sorted(places, key=lambda each: each.key)


async def _take(connection: AsyncConnection, place: Place, now: datetime) -> Taken:
    limit = place.limit
    values = {"key": place.key, "now": now, "end": now + limit.period}
    values |= {f"wait{number}": now + wait for number, wait in enumerate(limit.waits)}
    ends_at = (await connection.execute(_reserve(limit), values)).scalar_one_or_none()
    if ends_at is None:
        raise _Overtaken
    return Taken(key=place.key, ends_at=limit.period_of(ends_at))


@cache
def _reserve(limit: Limit) -> sa.TextualSelect:
    """Return the statement that does what `core.limits.take` does, if the counter is open."""
    used, first_is_last = "c.used + 1", limit.count == 1
    if limit.waits:
        later = [f"WHEN {used} < {limit.count} THEN NULL"]
        later += [
            f"WHEN {used} = {limit.count + number} THEN :wait{number}"
            for number in range(len(limit.waits))
        ]
        later += [f"ELSE :wait{len(limit.waits) - 1}"]
        first, end = ":wait0" if first_is_last else "NULL", "excluded.ends_at"
    else:
        later = [f"WHEN {used} < {limit.count} THEN NULL ELSE c.ends_at"]
        first, end = ":end" if first_is_last else "NULL", "c.ends_at"
    text = _RESERVE.format(first=first, end=end, later=" ".join(later))
    times = ["now", "end", *(f"wait{number}" for number in range(len(limit.waits)))]
    return (
        sa.text(text)
        .bindparams(
            sa.bindparam("key", type_=sa.LargeBinary),
            *(sa.bindparam(name, type_=UtcDateTime) for name in times),
        )
        .columns(_c.ends_at)
    )


def _give_back(taken: Taken) -> Write:
    if taken.ends_at is None:
        return _GIVE_BACK, {"k": taken.key}
    return _GIVE_BACK.where(_OF_PERIOD), {"k": taken.key, "end": taken.ends_at}
