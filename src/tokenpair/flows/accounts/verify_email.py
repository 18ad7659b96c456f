"""Verify that an address belongs to its user."""

from dataclasses import dataclass
from uuid import UUID

from tokenpair.core.mail import MailPurpose
from tokenpair.core.one_time import Purpose
from tokenpair.core.sessions.client import Device
from tokenpair.errors import SessionEnded
from tokenpair.flows.accounts.confirmed import lock_enabled
from tokenpair.flows.accounts.mail_token import MailTokens
from tokenpair.flows.limits import Limits
from tokenpair.flows.mail.queue_mail import QueueMail
from tokenpair.ports import Clock, Storage


@dataclass(frozen=True, kw_only=True)
class RequestVerification:
    """Mail a user a link that verifies the address. The link of an earlier mail is invalid then."""

    storage: Storage
    limits: Limits
    queue_mail: QueueMail

    async def __call__(self, user_id: UUID) -> None:
        """Do nothing if the address is verified already, or has been sent too many mails lately.

        Raises `Unavailable`, `SessionEnded` for a deleted or disabled account, and
        `ConfigurationError` if mail is off.
        """
        self.queue_mail.require_on("a link to verify the address")
        async with self.storage.reading() as look:
            user = await look.users.get(user_id)
        if user is None:
            raise SessionEnded("the user was deleted")
        if not await self.limits.verification_mail(user.email):
            return
        async with self.storage.begin() as tx:
            user = (await lock_enabled(tx, user_id)).user
            if user.email_verified_at is None:
                await self.queue_mail(tx, MailPurpose.VERIFY_EMAIL, user_id, user.email.typed)


@dataclass(frozen=True, kw_only=True)
class VerifyEmail:
    """Verify a user's address by a token that was mailed to it.

    The user's access tokens are stale then: a client renews, and gets one that says so.
    """

    storage: Storage
    limits: Limits
    mail_tokens: MailTokens
    clock: Clock

    async def __call__(self, token: str, *, device: Device | None = None) -> None:
        """Raises `MailTokenInvalid`, `TooManyRequests` and `Unavailable`."""
        async with self.limits.mail_token(device or Device()), self.storage.begin() as tx:
            stored, _ = await self.mail_tokens.use(tx, token, Purpose.VERIFY_EMAIL)
            await tx.users.set_email_verified(stored.user.id, self.clock())
