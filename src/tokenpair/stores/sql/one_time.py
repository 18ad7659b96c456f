"""`ports.OneTimeTokens` in SQL."""

from dataclasses import fields
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from tokenpair.core.one_time import Purpose, StoredOneTimeToken
from tokenpair.stores.sql.tables import one_time_table

_t = one_time_table.c
_FIELDS = tuple(field.name for field in fields(StoredOneTimeToken))
_PUT = sa.text(f"""
INSERT INTO tokenpair_one_time ({", ".join(_FIELDS)})
VALUES ({", ".join(f":{name}" for name in _FIELDS)})
ON CONFLICT (user_id, purpose) DO UPDATE SET
{", ".join(f"{name} = excluded.{name}" for name in _FIELDS)}
""").bindparams(*(sa.bindparam(name, type_=_t[name].type) for name in _FIELDS))  # noqa: S608  Only our own names.


class SqlOneTimeTokens:
    """Reads and writes one-time tokens on one connection."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def put(self, token: StoredOneTimeToken) -> None:
        row = {name: getattr(token, name) for name in _FIELDS} | {"purpose": token.purpose.value}
        await self._connection.execute(_PUT, row)

    async def find(
        self, user_id: UUID, purpose: Purpose, token_hash: bytes, now: datetime
    ) -> StoredOneTimeToken | None:
        valid = _is_valid(user_id, purpose, token_hash, now)
        return await self._one(sa.select(one_time_table).where(*valid))

    async def use(
        self, user_id: UUID, purpose: Purpose, token_hash: bytes, now: datetime
    ) -> StoredOneTimeToken | None:
        valid = _is_valid(user_id, purpose, token_hash, now)
        return await self._one(one_time_table.delete().where(*valid).returning(one_time_table))

    async def remove(self, user_id: UUID, purpose: Purpose | None = None) -> None:
        which = [_t.user_id == user_id, *([_t.purpose == purpose.value] if purpose else [])]
        await self._connection.execute(one_time_table.delete().where(*which))

    async def _one(self, statement: sa.Executable) -> StoredOneTimeToken | None:
        row = (await self._connection.execute(statement)).one_or_none()
        return _to_token(row) if row else None


def _is_valid(
    user_id: UUID, purpose: Purpose, token_hash: bytes, now: datetime
) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        _t.user_id == user_id,
        _t.purpose == purpose.value,
        _t.token_hash == token_hash,
        _t.expires_at > now,
    )


def _to_token(row: sa.Row[Any]) -> StoredOneTimeToken:
    columns = row._mapping  # noqa: SLF001  Public, in spite of its name.
    values = {name: columns[_t[name]] for name in _FIELDS}
    return StoredOneTimeToken(**values | {"purpose": Purpose(values["purpose"])})
