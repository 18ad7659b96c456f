"""The outbox in memory."""

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from tokenpair.core.mail import MailPurpose, OutboxMail
from tokenpair.stores.memory.tables import Tables


class MemoryOutbox:
    """`ports.Outbox` over a dictionary."""

    def __init__(self, tables: Tables) -> None:
        self._mails = tables.mails
        self.added: int = 0

    async def add(self, mail: OutboxMail) -> None:
        self._mails[mail.user_id, mail.id] = mail
        self.added += 1

    async def due(
        self, now: datetime, *, limit: int, without: Collection[UUID] = ()
    ) -> list[tuple[UUID, UUID]]:
        waiting = (each for each in self._mails.values() if each.user_id not in without)
        due = [each for each in waiting if each.is_due(now)]
        due.sort(key=lambda mail: mail.due_at)
        return [(each.user_id, each.id) for each in due[:limit]]

    async def claim(
        self, user_id: UUID, mail_id: UUID, *, now: datetime, until: datetime
    ) -> OutboxMail | None:
        mail = self._mails.get((user_id, mail_id))
        if not mail or not mail.is_due(now):
            return None
        claimed = replace(mail, claimed_until=until, attempts=mail.attempts + 1)
        self._mails[user_id, mail_id] = claimed
        return claimed

    async def postpone(self, mail: OutboxMail, due_at: datetime) -> bool:
        if not self._is_claimed_as(mail):
            return False
        found = self._mails[mail.user_id, mail.id]
        self._mails[mail.user_id, mail.id] = replace(found, claimed_until=None, due_at=due_at)
        return True

    async def remove(self, mail: OutboxMail) -> bool:
        if not self._is_claimed_as(mail):
            return False
        del self._mails[mail.user_id, mail.id]
        return True

    async def remove_all(self, user_id: UUID, purpose: MailPurpose) -> None:
        for key, each in list(self._mails.items()):
            if (each.user_id, each.purpose) == (user_id, purpose):
                del self._mails[key]

    async def remove_older(self, mail: OutboxMail) -> None:
        older = [
            key
            for key, each in self._mails.items()
            if (each.user_id, each.purpose) == (mail.user_id, mail.purpose)
            and (each.created_at, each.id) < (mail.created_at, mail.id)
        ]
        for key in older:
            del self._mails[key]

    def _is_claimed_as(self, mail: OutboxMail) -> bool:
        found = self._mails.get((mail.user_id, mail.id))
        return found is not None and found.claimed_until == mail.claimed_until
