"""Port of the outbox: mails that wait, inside a unit of work."""

from collections.abc import Collection
from datetime import datetime
from typing import Protocol
from uuid import UUID

from tokenpair.core.mail import MailPurpose, OutboxMail


class Outbox(Protocol):
    """The mails that are to be sent. Each is written with the change that it tells of."""

    async def add(self, mail: OutboxMail) -> None:
        """Store a mail."""
        ...

    @property
    def added(self) -> int:
        """Number of mails added in this unit of work. `Auth` reads it after the commit."""
        ...

    async def due(
        self, now: datetime, *, limit: int, without: Collection[UUID] = ()
    ) -> list[tuple[UUID, UUID]]:
        """Return up to `limit` mails that are due and that no worker has claimed.

        As pairs of a user's id and the mail's own id, the one that has been due longest first.
        Leave out those of some users, by their ids.
        Leave out mails with a purpose that this version does not know, as a newer version writes.
        """
        ...

    async def claim(
        self, user_id: UUID, mail_id: UUID, *, now: datetime, until: datetime
    ) -> OutboxMail | None:
        """Claim a mail that is due until then, count the attempt, and return it; or None.

        It is one atomic write: of several workers, one gets the mail. A worker that finds it
        locked does not wait.
        """
        ...

    async def postpone(self, mail: OutboxMail, due_at: datetime) -> bool:
        """End the claim, and let the mail be due later; return whether the claim was still held.

        `mail` is what `claim` has returned.
        """
        ...

    async def remove(self, mail: OutboxMail) -> bool:
        """Remove a mail; return whether it was there with the claim of `mail`.

        `mail` is what `claim` has returned. After another worker's claim, the mail stays: its link
        has replaced that of this attempt.
        """
        ...

    async def remove_all(self, user_id: UUID, purpose: MailPurpose) -> None:
        """Remove the user's mails with a purpose, claimed or not."""
        ...

    async def remove_older(self, mail: OutboxMail) -> None:
        """Remove the user's mails with the same purpose that were created before this one."""
        ...
