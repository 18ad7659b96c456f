"""The events of one unit of work in SQL, and the revocations that they become."""

from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from tokenpair.core.events import RecordedEvent
from tokenpair.core.sessions.revocation import Revocation
from tokenpair.stores.sql.access_lifetime import end_of_force
from tokenpair.stores.sql.expressions import now, this_transaction
from tokenpair.stores.sql.feed import to_revocation
from tokenpair.stores.sql.tables import revocation_table

_r = revocation_table.c
_COLUMNS = (_r.session_id, _r.user_id, _r.min_version, _r.recorded_at, _r.until)
_NO_TOKENS: dict[str, Any] = {"session_id": None, "user_id": None, "min_version": None}


class SqlEvents:
    """Records events on one connection: see `ports.UnitOfWork.record`.

    `recorded` holds the events so far, `revocations` the rows that were written for them.
    """

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection
        self.recorded: list[RecordedEvent] = []
        self.revocations: list[Revocation] = []

    async def record(self, *events: RecordedEvent) -> None:
        self.recorded += events
        revoked = [tokens for event in events if (tokens := event.revokes)]
        if revoked:
            await self._revoke([_NO_TOKENS | tokens for tokens in revoked])

    async def _revoke(self, rows: list[dict[str, Any]]) -> None:
        common = {"recorded_at": now(), "until": end_of_force(), "xid": this_transaction()}
        written = await self._connection.execute(
            revocation_table.insert().values([row | common for row in rows]).returning(*_COLUMNS)
        )
        self.revocations += [to_revocation(*row) for row in written]
