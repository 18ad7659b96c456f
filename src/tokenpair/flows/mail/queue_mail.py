"""Queue a mail: a step of every flow that mails."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from tokenpair.core.mail import MailPurpose, new_mail
from tokenpair.options import MailOptions
from tokenpair.ports import Clock, UnitOfWork


@dataclass(frozen=True, kw_only=True)
class QueueMail:
    """Put a mail into the outbox, in the unit of work of the change that it tells of."""

    clock: Clock
    new_id: Callable[[], UUID]
    mail_options: MailOptions

    async def __call__(
        self,
        tx: UnitOfWork,
        purpose: MailPurpose,
        user_id: UUID,
        address: str,
        *,
        data: dict[str, Any] | None = None,
    ) -> None:
        """Queue one mail to `address`, which is as its owner typed it.

        Without mail (`TOKENPAIR_MAIL=off`) nothing is queued. For an address without an account,
        `user_id` is a random id: that is the same work, and delivery drops the mail.
        """
        if self.mail_options.is_on:
            mail = new_mail(purpose, user_id, address, self.clock(), self.new_id(), data=data)
            await tx.outbox.add(mail)
