"""Remove what is long over, a little at a time.

Nothing waits for it: a renewal wants no row that is over. On PostgreSQL one worker does it at
a time; on SQLite, which has one writer, a batch is what a renewal may have to wait for.
"""

from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from tokenpair.core.sessions.revocation import KEPT as REVOCATION_KEPT
from tokenpair.stores.sql.expressions import now as database_now
from tokenpair.stores.sql.expressions import pruning_turn
from tokenpair.stores.sql.tables import revocation_table, session_table

KEPT = timedelta(days=1)
"""So long a session is kept when it is over: no clock is that wrong, and somebody may ask why."""


async def prune(connection: AsyncConnection, now: datetime, limit: int) -> int:
    """Do what `Storage.prune` promises.

    Each clock may be ahead: this worker's and the database's must agree that a row is over.
    """
    if not await connection.scalar(sa.select(pruning_turn())):
        return 0
    expired, ended = (
        sa.select(session_table.c.id)
        .where(moment < now - KEPT, moment < database_now(plus=-KEPT))
        .order_by(moment)
        .limit(limit)
        .with_for_update(skip_locked=True)
        for moment in (session_table.c.expires_at, session_table.c.ended_at)
    )
    until = revocation_table.c.until
    out_of_force = (
        sa.select(revocation_table.c.id)
        .where(until < now - REVOCATION_KEPT, until < database_now(plus=-REVOCATION_KEPT))
        .order_by(until)
        .limit(limit)
    )
    removed = 0
    for table, ids in (
        (session_table, expired),
        (session_table, ended),
        (revocation_table, out_of_force),
    ):
        done = await connection.execute(table.delete().where(table.c.id.in_(ids)))
        removed += done.rowcount
    return removed
