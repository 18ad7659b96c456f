"""The columns that a token is minted from, and how they become a `SessionState`.

Three readers use them: `read_session_state`, and the renewals of SQLite and of PostgreSQL, which
bypass SQLAlchemy.
"""

import json
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from tokenpair.core.sessions.rule import SessionState
from tokenpair.stores.sql.tables import session_table, user_table

_OF_SESSION = ("head", "rotated_at", "expires_at", "authenticated_at", "amr")
_OF_USER = ("roles", "version", "email_verified_at")

# SQLite's RETURNING may name only columns of the updated table, hence the sub-selects.
RETURNING = ", ".join(
    [
        *_OF_SESSION,
        *(
            f"(SELECT {name} FROM tokenpair_user WHERE tokenpair_user.id = user_id) AS {name}"  # noqa: S608  Only our own names.
            for name in _OF_USER
        ),
    ]
)
"""What an UPDATE of `tokenpair_session` returns for `to_session_state`, on SQLite."""

RETURNING_JOINED = ", ".join(
    [*(f"s.{name}" for name in _OF_SESSION), *(f"u.{name}" for name in _OF_USER)]
)
"""The same on PostgreSQL, of the session `s` and the user `u` that the statement has joined."""


def _as_stored(column: sa.Column[Any]) -> sa.ColumnElement[Any]:
    """Return a JSON column as text, which is what the drivers return."""
    return sa.cast(column, sa.Text) if isinstance(column.type, sa.JSON) else column


_LIVE = (
    sa.select(
        session_table.c.secret_hash,
        *(_as_stored(session_table.c[name]) for name in _OF_SESSION),
        *(_as_stored(user_table.c[name]) for name in _OF_USER),
    )
    .join_from(session_table, user_table)
    .where(
        session_table.c.user_id == sa.bindparam("sub"),
        session_table.c.id == sa.bindparam("sid"),
        session_table.c.ended_at.is_(None),
        session_table.c.expires_at > sa.bindparam("now"),
        user_table.c.disabled_at.is_(None),
    )
)


async def read_session_state(
    connection: AsyncConnection, user_id: UUID, session_id: UUID, now: datetime
) -> SessionState | None:
    """Return the user's session if it is live at `now` and the user enabled; else None."""
    found = await connection.execute(_LIVE, {"sub": user_id, "sid": session_id, "now": now})
    if (row := found.one_or_none()) is None:
        return None
    secret_hash, *columns = row
    return to_session_state(
        columns, user_id=user_id, session_id=session_id, secret_hash=secret_hash
    )


def _identity(moment: datetime) -> datetime:
    return moment


def to_session_state(
    row: Sequence[Any],
    *,
    user_id: UUID,
    session_id: UUID,
    secret_hash: bytes,
    to_moment: Callable[[Any], datetime] = _identity,
) -> SessionState:
    """Read a row of the columns above; `to_moment` parses what the driver returns for a time."""
    head, rotated_at, expires_at, authenticated_at, amr, roles, version, verified_at = row
    return SessionState(
        session_id=session_id,
        user_id=user_id,
        secret_hash=secret_hash,
        head=head,
        rotated_at=to_moment(rotated_at),
        expires_at=to_moment(expires_at),
        authenticated_at=to_moment(authenticated_at),
        amr=to_amr(amr),
        roles=frozenset(json.loads(roles)),
        version=version,
        email_verified=verified_at is not None,
    )


def to_amr(text: str | None) -> frozenset[str]:
    """Read the column `amr`: a JSON list, or NULL for none."""
    return frozenset(json.loads(text)) if text else frozenset()


def from_amr(amr: frozenset[str]) -> str | None:
    """Write the column `amr`."""
    return json.dumps(sorted(amr)) if amr else None
