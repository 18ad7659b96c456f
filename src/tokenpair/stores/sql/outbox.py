"""`ports.Outbox` in SQL."""

from collections.abc import Collection
from dataclasses import fields
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from tokenpair.core.mail import MailPurpose, OutboxMail
from tokenpair.stores.sql.tables import outbox_table

_o = outbox_table.c
_FIELDS = tuple(field.name for field in fields(OutboxMail))
_PURPOSES = [each.value for each in MailPurpose]


class SqlOutbox:
    """Reads and writes mails on one connection."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection
        self.added: int = 0

    async def add(self, mail: OutboxMail) -> None:
        await self._connection.execute(outbox_table.insert().values(_to_row(mail)))
        self.added += 1

    async def due(
        self, now: datetime, *, limit: int, without: Collection[UUID] = ()
    ) -> list[tuple[UUID, UUID]]:
        found = await self._connection.execute(
            sa.select(_o.user_id, _o.id)
            .where(*_is_due(now), _o.purpose.in_(_PURPOSES), _o.user_id.not_in(without))
            .order_by(_o.due_at)
            .limit(limit)
        )
        return [(row.user_id, row.id) for row in found]

    async def claim(
        self, user_id: UUID, mail_id: UUID, *, now: datetime, until: datetime
    ) -> OutboxMail | None:
        is_mine = (_o.user_id == user_id, _o.id == mail_id, *_is_due(now))
        # SKIP LOCKED, so that workers that look at the same time do not queue up here.
        unlocked = sa.select(_o.id).where(*is_mine).with_for_update(skip_locked=True)
        found = await self._connection.execute(
            outbox_table.update()
            .where(*is_mine, _o.id.in_(unlocked))
            .values(claimed_until=until, attempts=_o.attempts + 1)
            .returning(outbox_table)
        )
        row = found.one_or_none()
        return _to_mail(row) if row else None

    async def postpone(self, mail: OutboxMail, due_at: datetime) -> bool:
        changed = await self._connection.execute(
            outbox_table.update()
            .where(*_is_claimed_as(mail))
            .values(claimed_until=None, due_at=due_at)
        )
        return changed.rowcount == 1

    async def remove(self, mail: OutboxMail) -> bool:
        removed = await self._connection.execute(outbox_table.delete().where(*_is_claimed_as(mail)))
        return removed.rowcount == 1

    async def remove_all(self, user_id: UUID, purpose: MailPurpose) -> None:
        await self._remove(user_id, _o.purpose == purpose.value)

    async def remove_older(self, mail: OutboxMail) -> None:
        is_older = sa.or_(
            _o.created_at < mail.created_at,
            sa.and_(_o.created_at == mail.created_at, _o.id < mail.id),
        )
        await self._remove(mail.user_id, _o.purpose == mail.purpose.value, is_older)

    async def _remove(self, user_id: UUID, *which: sa.ColumnElement[bool]) -> None:
        # A delivery holds its own row, and then locks older ones. In any other order, the two
        # would deadlock.
        newest_first = (
            sa.select(_o.id)
            .where(_o.user_id == user_id, *which)
            .order_by(_o.created_at.desc(), _o.id.desc())
            .with_for_update()
        )
        await self._connection.execute(
            outbox_table.delete().where(_o.user_id == user_id, _o.id.in_(newest_first))
        )


def _is_claimed_as(mail: OutboxMail) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        _o.user_id == mail.user_id,
        _o.id == mail.id,
        _o.claimed_until == mail.claimed_until,
    )


def _is_due(now: datetime) -> tuple[sa.ColumnElement[bool], ...]:
    return _o.due_at <= now, sa.or_(_o.claimed_until.is_(None), _o.claimed_until <= now)


def _to_row(mail: OutboxMail) -> dict[str, Any]:
    return {name: getattr(mail, name) for name in _FIELDS} | {"purpose": mail.purpose.value}


def _to_mail(row: sa.Row[Any]) -> OutboxMail:
    columns = row._mapping  # noqa: SLF001  Public, in spite of its name.
    values = {name: columns[_o[name]] for name in _FIELDS}
    return OutboxMail(**values | {"purpose": MailPurpose(values["purpose"])})
