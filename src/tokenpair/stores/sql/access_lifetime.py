"""Longest access lifetime in use: a row that decides how long a revocation is in force.

The settings of the process that revokes cannot decide it: an operator's shell, or a worker of a
deployment that is being replaced, may have a shorter lifetime than the workers that issued the
tokens. So each worker raises the row when it opens, and only an operator's command lowers it.
"""

import math
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from tokenpair.core.sessions.revocation import MARGIN, UNKNOWN_ACCESS
from tokenpair.stores.sql.expressions import now_plus
from tokenpair.stores.sql.tables import setting_table

_NAME = "access_lifetime"
_s = setting_table.c
_SELECT = sa.select(_s.seconds).where(_s.name == _NAME)
_IN_FORCE = sa.func.coalesce(_SELECT.scalar_subquery(), int(UNKNOWN_ACCESS.total_seconds())) + int(
    MARGIN.total_seconds()
)
_WRITE = sa.text("""
INSERT INTO tokenpair_setting AS s (name, seconds) VALUES (:name, :seconds)
ON CONFLICT (name) DO UPDATE SET seconds = excluded.seconds
WHERE :lower OR s.seconds < excluded.seconds
""").bindparams(sa.bindparam("lower", type_=sa.Boolean))


async def read(connection: AsyncConnection) -> timedelta | None:
    """Return the longest access lifetime in use, or None if no worker has opened yet."""
    seconds = (await connection.execute(_SELECT)).scalar_one_or_none()
    return None if seconds is None else timedelta(seconds=seconds)


async def write(connection: AsyncConnection, access: timedelta, *, lower: bool) -> None:
    """Raise the row to `access`; with `lower`, also set it to a shorter one."""
    seconds = math.ceil(access.total_seconds())
    await connection.execute(_WRITE, {"name": _NAME, "seconds": seconds, "lower": lower})


def end_of_force() -> sa.ColumnElement[datetime]:
    """Return, as SQL, the time until which a revocation that is written now is in force.

    The statement that contains it reads the database's clock and the row.
    """
    return now_plus(_IN_FORCE)
