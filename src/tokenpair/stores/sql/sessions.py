"""`ports.Sessions` in SQL."""

from dataclasses import fields
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from tokenpair.core.accounts.user import User
from tokenpair.core.events import SessionEnded
from tokenpair.core.sessions.rule import EndReason, Session, StoredSession
from tokenpair.stores.sql.accounts import to_user
from tokenpair.stores.sql.events import SqlEvents
from tokenpair.stores.sql.session_state import from_amr, to_amr
from tokenpair.stores.sql.tables import session_table, user_table

_s = session_table.c
_FIELDS = tuple(field.name for field in fields(StoredSession))


class SqlSessions:
    """Reads and writes sessions on one connection."""

    def __init__(self, connection: AsyncConnection, events: SqlEvents) -> None:
        self._connection = connection
        self._events = events

    async def add(self, session: StoredSession) -> None:
        await self._connection.execute(session_table.insert().values(_to_row(session)))

    async def lock(self, user_id: UUID, session_id: UUID) -> tuple[StoredSession, User] | None:
        found = await self._connection.execute(
            sa.select(session_table, user_table)
            .join_from(session_table, user_table)
            .where(_s.user_id == user_id, _s.id == session_id)
            .with_for_update(of=session_table)
        )
        row = found.one_or_none()
        return (_to_session(row), to_user(row)) if row else None

    async def live(self, user_id: UUID, now: datetime) -> list[Session]:
        found = await self._connection.execute(
            sa.select(session_table)
            .where(_s.user_id == user_id, _s.ended_at.is_(None), _s.expires_at > now)
            .order_by(_s.created_at.desc(), _s.id.desc())
        )
        return [_to_session(row).public for row in found]

    async def set_authenticated(
        self, user_id: UUID, session_id: UUID, amr: frozenset[str], now: datetime
    ) -> bool:
        changed = await self._connection.execute(
            session_table.update()
            .where(_s.user_id == user_id, _s.id == session_id)
            .where(_s.ended_at.is_(None), _s.expires_at > now)
            .values(authenticated_at=now, amr=from_amr(amr))
        )
        return changed.rowcount == 1

    async def end(self, user_id: UUID, session_id: UUID, reason: EndReason, now: datetime) -> bool:
        return await self._end(user_id, _s.id == session_id, reason, now) == 1

    async def end_all(
        self, user_id: UUID, reason: EndReason, now: datetime, *, keep: UUID | None = None
    ) -> int:
        # Two transactions that lock the same rows in different orders would deadlock.
        in_order = (
            sa.select(_s.id)
            .where(_s.user_id == user_id, _s.ended_at.is_(None))
            .order_by(_s.id)
            .with_for_update()
        )
        if keep:
            in_order = in_order.where(_s.id != keep)
        return await self._end(user_id, _s.id.in_(in_order), reason, now)

    async def _end(
        self, user_id: UUID, which: sa.ColumnElement[bool], reason: EndReason, now: datetime
    ) -> int:
        ended = await self._connection.scalars(
            session_table.update()
            .where(_s.user_id == user_id, which, _s.ended_at.is_(None))
            .values(ended_at=now, end_reason=reason.value)
            .returning(_s.id)
        )
        session_ids = ended.all()
        await self._events.record(
            *(SessionEnded(user_id=user_id, session_id=each, reason=reason) for each in session_ids)
        )
        return len(session_ids)


def _to_row(session: StoredSession) -> dict[str, Any]:
    row = {name: getattr(session, name) for name in _FIELDS}
    reason = session.end_reason
    return row | {
        "amr": from_amr(session.amr),
        "end_reason": reason.value if reason else None,
    }


def _to_session(row: sa.Row[Any]) -> StoredSession:
    columns = row._mapping  # noqa: SLF001  Public, in spite of its name.
    values = {name: columns[_s[name]] for name in _FIELDS}
    reason = values["end_reason"]
    return StoredSession(
        **values
        | {
            "amr": to_amr(values["amr"]),
            "end_reason": EndReason(reason) if reason else None,
        }
    )
