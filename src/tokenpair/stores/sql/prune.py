"""Remove rows that are no longer needed, a batch at a time.

No request waits for it: no renewal needs a row that pruning removes. On PostgreSQL one worker
prunes at a time. On SQLite, which has one writer, a renewal may wait for one batch.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from tokenpair.core.limits import COUNTER_KEPT
from tokenpair.core.mail import OUTBOX_KEPT
from tokenpair.core.one_time import TOKEN_KEPT
from tokenpair.core.sessions.revocation import KEPT as REVOCATION_KEPT
from tokenpair.core.sessions.rule import SESSION_KEPT
from tokenpair.stores.sql.expressions import now as database_now
from tokenpair.stores.sql.expressions import pruning_turn
from tokenpair.stores.sql.tables import (
    limit_table,
    one_time_table,
    outbox_table,
    revocation_table,
    session_table,
)

Key = tuple[UUID, Any]
"""Key of a row: the id of its user, and the value of another column."""

_r = revocation_table.c
_l = limit_table.c
_o = outbox_table.c


@dataclass(frozen=True, slots=True, kw_only=True)
class _Over:
    """Rows of users that are no longer needed: those with a `moment` longer ago than `kept`.

    `key` is the column that, with `user_id`, is the table's primary key. A row is kept until
    `claimed_until`.
    """

    key: sa.Column[Any]
    moment: sa.Column[datetime]
    kept: timedelta
    claimed_until: sa.Column[datetime] | None = None

    @property
    def table(self) -> sa.Table:
        table: sa.Table = self.moment.table
        return table

    @property
    def user(self) -> sa.Column[UUID]:
        return self.table.c.user_id

    def conditions(self, now: datetime) -> tuple[sa.ColumnElement[bool], ...]:
        is_past = _is_past(self.moment, now, self.kept)
        if self.claimed_until is None:
            return is_past
        return *is_past, sa.or_(self.claimed_until.is_(None), self.claimed_until <= now)


_OVER = (
    _Over(key=session_table.c.id, moment=session_table.c.expires_at, kept=SESSION_KEPT),
    _Over(key=session_table.c.id, moment=session_table.c.ended_at, kept=SESSION_KEPT),
    _Over(key=one_time_table.c.purpose, moment=one_time_table.c.expires_at, kept=TOKEN_KEPT),
    _Over(key=_o.id, moment=_o.due_at, kept=OUTBOX_KEPT, claimed_until=_o.claimed_until),
)


async def prune(connection: AsyncConnection, now: datetime, limit: int) -> int:
    """Do what `Storage.prune` promises."""
    if not await connection.scalar(sa.select(pruning_turn())):
        return 0
    removed = 0
    for over in _OVER:
        removed += await _delete(connection, over, await _keys(connection, over, now, limit), now)
    removed += await _delete_revocations(connection, now, limit)
    return removed + await _delete_counters(connection, now, limit)


async def _keys(connection: AsyncConnection, over: _Over, now: datetime, limit: int) -> list[Key]:
    """Return the keys of the oldest such rows. They are read without a lock."""
    found = await connection.execute(
        sa.select(over.user, over.key)
        .where(*over.conditions(now))
        .order_by(over.moment)
        .limit(limit)
    )
    return [(user_id, key) for user_id, key in found]


async def _delete(connection: AsyncConnection, over: _Over, keys: list[Key], now: datetime) -> int:
    if not keys:
        return 0
    # One row for each execution, because a distributed PostgreSQL refuses FOR UPDATE over several
    # users. A row that another transaction has locked is left for the next pass.
    is_it = over.user == sa.bindparam("user"), over.key == sa.bindparam("key")
    unlocked = sa.select(over.key).where(*is_it).with_for_update(skip_locked=True)
    delete = over.table.delete().where(is_it[0], over.key.in_(unlocked))
    # The driver sends all of them in one round trip, and asyncpg does not count rows then. The
    # conditions are repeated: a token may have been replaced by a new one.
    await connection.execute(
        delete.where(*over.conditions(now)),
        [{"user": user_id, "key": key} for user_id, key in keys],
    )
    left = sa.select(sa.func.count()).where(sa.tuple_(over.user, over.key).in_(keys))
    return len(keys) - (await connection.execute(left)).scalar_one()


async def _delete_revocations(connection: AsyncConnection, now: datetime, limit: int) -> int:
    out_of_force = (
        sa.select(_r.id)
        .where(*_is_past(_r.until, now, REVOCATION_KEPT))
        .order_by(_r.until)
        .limit(limit)
    )
    done = await connection.execute(revocation_table.delete().where(_r.id.in_(out_of_force)))
    return done.rowcount


async def _delete_counters(connection: AsyncConnection, now: datetime, limit: int) -> int:
    # One that an attempt has locked begins a new period: it is left.
    ended = (
        sa.select(_l.key)
        .where(*_is_past(_l.ends_at, now, COUNTER_KEPT))
        .order_by(_l.ends_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    done = await connection.execute(limit_table.delete().where(_l.key.in_(ended)))
    return done.rowcount


def _is_past(
    moment: sa.Column[datetime], now: datetime, kept: timedelta
) -> tuple[sa.ColumnElement[bool], ...]:
    """Is `moment` longer ago than `kept`, by this worker's clock and by the database's?

    Each clock may be ahead, so both must agree.
    """
    return moment < now - kept, moment < database_now(plus=-kept)
