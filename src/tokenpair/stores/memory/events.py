"""The events of one unit of work in memory, and the revocations that they become."""

from datetime import UTC, datetime

from tokenpair.core.events import RecordedEvent
from tokenpair.core.sessions.revocation import MARGIN, UNKNOWN_ACCESS, Revocation
from tokenpair.stores.memory.tables import Tables


class MemoryEvents:
    """Records events: see `ports.UnitOfWork.record`.

    `recorded` holds the events so far, `revocations` the entries that were added for them.
    """

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self.recorded: list[RecordedEvent] = []
        self.revocations: list[Revocation] = []

    async def record(self, *events: RecordedEvent) -> None:
        self.recorded += events
        for event in events:
            if tokens := event.revokes:
                now = datetime.now(UTC)
                until = now + (self._tables.longest_access or UNKNOWN_ACCESS) + MARGIN
                entry = Revocation(**tokens, recorded_at=now, until=until)
                self._tables.add_revocation(entry)
                self.revocations.append(entry)
