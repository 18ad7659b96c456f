"""Reset a forgotten password by mail."""

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from tokenpair.core.accounts.events import PasswordChange
from tokenpair.core.accounts.user import StoredUser
from tokenpair.core.mail import CREDENTIAL_VERSION, MailPurpose
from tokenpair.core.one_time import Purpose
from tokenpair.core.sessions.client import Device
from tokenpair.flows.accounts.change_password import ReplacePassword
from tokenpair.flows.accounts.find_user import find_user
from tokenpair.flows.accounts.mail_token import MailTokens
from tokenpair.flows.accounts.new_password import NewPassword
from tokenpair.flows.limits import Limits
from tokenpair.flows.mail.queue_mail import QueueMail
from tokenpair.ports import Clock, Storage, UnitOfWork


@dataclass(frozen=True, kw_only=True)
class ForgotPassword:
    """Mail a link to reset the password.

    For an address without an account the work is the same: one read, and one row in the outbox.
    Delivery drops the row if it finds no such user, or if the user is disabled.
    """

    storage: Storage
    limits: Limits
    queue_mail: QueueMail
    new_id: Callable[[], UUID]

    async def __call__(self, *, email: str, device: Device | None = None) -> None:
        """Return nothing that tells whether there is an account.

        Of an address that has been asked for too often lately, nothing is mailed. Raises
        `TooManyRequests` for the address of `device`, `Unavailable`, and `ConfigurationError` if
        mail is off.
        """
        self.queue_mail.require_on("a link to reset the password")
        if not await self.limits.forgotten_password(email, device or Device()):
            return
        found = await find_user(self.storage, email)
        user_id = found.user.id if found else self.new_id()
        # The stored address, and not the typed one, which may differ in its letters' case.
        address = found.user.email.typed if found else ""
        data = {CREDENTIAL_VERSION: found.credential_version if found else 0}
        async with self.storage.begin() as tx:
            await self.queue_mail(tx, MailPurpose.RESET_PASSWORD, user_id, address, data=data)


@dataclass(frozen=True, kw_only=True)
class ResetPassword:
    """Replace a forgotten password by a token that was mailed to the user.

    All sessions end, and no new one is opened. The address counts as verified: the user reads its
    mail. Every other token that was mailed to the user before is invalid.
    """

    storage: Storage
    limits: Limits
    mail_tokens: MailTokens
    new_password: NewPassword
    replace_password: ReplacePassword
    clock: Clock

    async def __call__(
        self, *, token: str, new_password: str, device: Device | None = None
    ) -> None:
        """Raises `MailTokenInvalid`, `InvalidInput` for `new_password`, and `Unavailable`.

        Raises `TooManyRequests` for invalid tokens from the address of `device`.
        """
        device = device or Device()
        async with self.limits.mail_token(device), self.storage.reading() as look:
            stored, _ = await self.mail_tokens.look(look, token, Purpose.RESET_PASSWORD)
        password_hash = await self.new_password(
            new_password,
            address=stored.user.email,
            profile=stored.user.profile,
            field="new_password",
        )
        async with self.storage.begin() as tx:
            stored, _ = await self.mail_tokens.use(tx, token, Purpose.RESET_PASSWORD)
            await self._reset(tx, stored, password_hash)
        await self.limits.password_replaced(stored.user.email, device)

    async def _reset(self, tx: UnitOfWork, stored: StoredUser, password_hash: str) -> None:
        user, now = stored.user, self.clock()
        reason = PasswordChange.RESET
        await self.replace_password(tx, user, password_hash, now, reason=reason)
        await tx.users.set_email_verified(user.id, now)
        await tx.one_time.remove(user.id)
