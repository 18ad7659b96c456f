"""The longest access lifetime in use: a row that decides how long a revocation is in force.

One writer's own settings must not decide it: an operator's shell, or a worker of a deployment that
is being replaced, may know a shorter lifetime than the workers whose tokens it revokes. So a worker
raises the row when it opens, and only an operator's command lowers it.
"""

import math
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Dialect
from sqlalchemy.ext.asyncio import AsyncConnection

from tokenpair.core.sessions.revocation import MARGIN, UNKNOWN_ACCESS
from tokenpair.stores.sql.tables import setting_table

_NAME = "access_lifetime"
_s = setting_table.c
_SELECT = sa.select(_s.seconds).where(_s.name == _NAME)
_IN_FORCE = sa.func.coalesce(_SELECT.scalar_subquery(), int(UNKNOWN_ACCESS.total_seconds())) + int(
    MARGIN.total_seconds()
)


async def read(connection: AsyncConnection) -> timedelta | None:
    """Return the longest access lifetime in use, or None if no worker has opened yet."""
    seconds = (await connection.execute(_SELECT)).scalar_one_or_none()
    return None if seconds is None else timedelta(seconds=seconds)


async def write(connection: AsyncConnection, access: timedelta, *, lower: bool) -> None:
    """Raise the row to `access`; with `lower`, also set it to a shorter one."""
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    row = insert(setting_table).values(name=_NAME, seconds=math.ceil(access.total_seconds()))
    is_raised = None if lower else _s.seconds < row.excluded.seconds
    await connection.execute(
        row.on_conflict_do_update(
            index_elements=[_s.name], set_={"seconds": row.excluded.seconds}, where=is_raised
        )
    )


def end_of_force(dialect: Dialect) -> sa.ColumnElement[Any]:
    """Return, as SQL, the last moment at which a token that is revoked now may be alive.

    By the database's clock and the row above, both read by the statement that this is part of.
    """
    if dialect.name == "postgresql":
        return sa.func.clock_timestamp() + sa.func.make_interval(0, 0, 0, 0, 0, 0, _IN_FORCE)
    modifier = sa.literal("+").concat(sa.cast(_IN_FORCE, sa.Text)).concat(" seconds")
    return sa.func.strftime("%Y-%m-%d %H:%M:%f000", "now", modifier)
