"""Remove rows that are no longer needed, a batch at a time.

No request waits for it: no renewal needs a row that pruning removes. On PostgreSQL one worker
prunes at a time. On SQLite, which has one writer, a renewal may wait for one batch.
"""

from datetime import datetime, timedelta
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from tokenpair.core.sessions.revocation import KEPT as REVOCATION_KEPT
from tokenpair.core.sessions.rule import SESSION_KEPT
from tokenpair.stores.sql.expressions import now as database_now
from tokenpair.stores.sql.expressions import pruning_turn
from tokenpair.stores.sql.tables import revocation_table, session_table

Pair = tuple[UUID, UUID]
"""Key of a session: the id of its user, and its own."""

_s = session_table.c
_r = revocation_table.c
_KEY = (_s.user_id == sa.bindparam("user"), _s.id == sa.bindparam("session"))
# One session for each execution, because a distributed PostgreSQL refuses FOR UPDATE over several
# users. A session that another transaction has locked is left for the next pass.
_DELETE_UNLOCKED = session_table.delete().where(
    _KEY[0], _s.id.in_(sa.select(_s.id).where(*_KEY).with_for_update(skip_locked=True))
)


async def prune(connection: AsyncConnection, now: datetime, limit: int) -> int:
    """Do what `Storage.prune` promises."""
    if not await connection.scalar(sa.select(pruning_turn())):
        return 0
    removed = 0
    for moment in (_s.expires_at, _s.ended_at):
        over = await _sessions_over(connection, moment, now, limit)
        removed += await _delete_sessions(connection, over, moment, now)
    return removed + await _delete_revocations(connection, now, limit)


async def _sessions_over(
    connection: AsyncConnection, moment: sa.Column[datetime], now: datetime, limit: int
) -> list[Pair]:
    """Return the sessions with a `moment` that is long past, the oldest first.

    They are read without a lock: a session that is over never lives again.
    """
    found = await connection.execute(
        sa.select(_s.user_id, _s.id)
        .where(*_is_past(moment, now, SESSION_KEPT))
        .order_by(moment)
        .limit(limit)
    )
    return [(row.user_id, row.id) for row in found]


async def _delete_sessions(
    connection: AsyncConnection, pairs: list[Pair], moment: sa.Column[datetime], now: datetime
) -> int:
    if not pairs:
        return 0
    keys = [{"user": user_id, "session": session_id} for user_id, session_id in pairs]
    # The driver sends all of them in one round trip, and asyncpg does not count rows then.
    await connection.execute(_DELETE_UNLOCKED.where(*_is_past(moment, now, SESSION_KEPT)), keys)
    left = sa.select(sa.func.count()).where(sa.tuple_(_s.user_id, _s.id).in_(pairs))
    return len(pairs) - (await connection.execute(left)).scalar_one()


async def _delete_revocations(connection: AsyncConnection, now: datetime, limit: int) -> int:
    out_of_force = (
        sa.select(_r.id)
        .where(*_is_past(_r.until, now, REVOCATION_KEPT))
        .order_by(_r.until)
        .limit(limit)
    )
    done = await connection.execute(revocation_table.delete().where(_r.id.in_(out_of_force)))
    return done.rowcount


def _is_past(
    moment: sa.Column[datetime], now: datetime, kept: timedelta
) -> tuple[sa.ColumnElement[bool], ...]:
    """Is `moment` longer ago than `kept`, by this worker's clock and by the database's?

    Each clock may be ahead, so both must agree.
    """
    return moment < now - kept, moment < database_now(plus=-kept)
