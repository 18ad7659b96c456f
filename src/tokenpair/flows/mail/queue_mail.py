"""Queue a mail: a step of every flow that mails."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from tokenpair.core.mail import MailPurpose, new_mail
from tokenpair.errors import ConfigurationError
from tokenpair.options import MailOptions
from tokenpair.ports import Clock, UnitOfWork


@dataclass(frozen=True, kw_only=True)
class QueueMail:
    """Put a mail into the outbox, in the unit of work of the change that it tells of."""

    clock: Clock
    new_id: Callable[[], UUID]
    mail_options: MailOptions

    def require_on(self, what: str) -> None:
        """Require mail for a flow with no other effect. Raises `ConfigurationError`."""
        require_mail(self.mail_options, what)

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


def require_mail(options: MailOptions, what: str) -> None:
    """Require that mail is on; `what` is sent by it. Raises `ConfigurationError`."""
    if not options.is_on:
        raise ConfigurationError(
            f"{what} is sent by mail, and mail is off: set TOKENPAIR_MAIL=on, or pass "
            "mail_options=MailOptions(sender=...) to Auth"
        )
