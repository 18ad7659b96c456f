"""`ports.Export` in SQL."""

from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from tokenpair.core.accounts.export import EXPORTED, Rows
from tokenpair.stores.sql.session_state import to_amr
from tokenpair.stores.sql.tables import (
    metadata,
    one_time_table,
    outbox_table,
    session_table,
    user_table,
)


class SqlExport:
    """Reads the rows of one user on one connection."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def rows(self, user_id: UUID, invitation: UUID | None = None) -> Rows:
        found = {name: await self._rows(metadata.tables[name], user_id) for name in EXPORTED}
        if invitation:
            for table in (one_time_table, outbox_table):
                found[table.name] += await self._rows(table, invitation)
        return found

    async def _rows(self, table: sa.Table, user_id: UUID) -> list[dict[str, Any]]:
        owner = table.c.id if table is user_table else table.c.user_id
        columns = [table.c[name] for name in EXPORTED[table.name]]
        found = await self._connection.execute(
            sa.select(*columns).where(owner == user_id).order_by(*table.primary_key)
        )
        rows = [dict(row) for row in found.mappings()]
        if table is session_table:
            rows = [row | {"amr": sorted(to_amr(row["amr"]))} for row in rows]
        return rows
