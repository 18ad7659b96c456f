"""Change the address of an account: ask for it, and confirm it from the new address."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from tokenpair.core.accounts.email import EmailAddress
from tokenpair.core.accounts.events import AddressChanged
from tokenpair.core.accounts.user import StoredUser, User
from tokenpair.core.mail import CREDENTIAL_VERSION, MailPurpose, new_mail
from tokenpair.core.one_time import Purpose, StoredOneTimeToken
from tokenpair.core.sessions.client import Device
from tokenpair.core.sessions.rule import EndReason
from tokenpair.errors import EmailTaken, MailTokenInvalid
from tokenpair.flows.accounts.confirm_password import ConfirmPassword
from tokenpair.flows.accounts.confirmed import lock_confirmed, require_live
from tokenpair.flows.accounts.mail_token import MailTokens
from tokenpair.flows.accounts.withdraw_invitation import withdraw_invitation
from tokenpair.flows.limits import Limits
from tokenpair.flows.mail.queue_mail import QueueMail
from tokenpair.ports import Clock, Storage, UnitOfWork

_SESSION = "session_id"


@dataclass(frozen=True, kw_only=True)
class ChangeEmail:
    """Mail a link to the new address of a user who knows the password, and tell the old one.

    Nothing changes until the link is confirmed. An address that another account has gets no mail,
    for the same work and with the same answer.
    """

    storage: Storage
    confirm_password: ConfirmPassword
    queue_mail: QueueMail
    limits: Limits
    clock: Clock
    new_id: Callable[[], UUID]

    async def __call__(
        self,
        user_id: UUID,
        *,
        password: str,
        new_email: str,
        keep_session: UUID | None = None,
        device: Device | None = None,
    ) -> None:
        """Mail a link, and remember `keep_session`: confirming the link ends all other sessions.

        The limits of guesses count by the address of `device`. Raises `InvalidInput` for
        `new_email`, `WrongPassword`, `TooManyRequests`, `SessionEnded` for a deleted or disabled
        user and for a session to keep that is not live, `Unavailable`, and `ConfigurationError` if
        mail is off.
        """
        self.queue_mail.require_on("a link to confirm the new address")
        address = EmailAddress.parse_new(new_email, field="new_email")
        confirmed = await self.confirm_password(user_id, password, device)
        await self.limits.change_of_address(confirmed.user.email)
        now = self.clock()
        async with self.storage.begin() as tx:
            stored = await lock_confirmed(tx, confirmed)
            if keep_session:
                await require_live(tx, user_id, keep_session, now)
            await self._end_older(tx, user_id, now)
            await self._ask(tx, stored, address, keep_session)
            old = stored.user.email.typed
            await self.queue_mail(tx, MailPurpose.ADDRESS_CHANGE_REQUESTED, user_id, old)

    async def _end_older(self, tx: UnitOfWork, user_id: UUID, now: datetime) -> None:
        """Make the links of older requests invalid, whether they were delivered or not.

        Also if the new address is taken: an older link that stayed valid would reveal that.
        """
        # The mails first: a worker that delivers one has locked it until the token is stored.
        this = new_mail(MailPurpose.CHANGE_EMAIL, user_id, "", now, self.new_id())
        await tx.outbox.remove_older(this)
        await tx.one_time.remove(user_id, Purpose.CHANGE_EMAIL)

    async def _ask(
        self, tx: UnitOfWork, stored: StoredUser, address: EmailAddress, session_id: UUID | None
    ) -> None:
        user_id = stored.user.id
        holder = await tx.users.by_email(address)
        is_free = holder is None or holder.user.id == user_id
        # Delivery drops a mail to a user that does not exist.
        receiver = user_id if is_free else self.new_id()
        data = {
            CREDENTIAL_VERSION: stored.credential_version,
            _SESSION: str(session_id) if session_id else None,
        }
        await self.queue_mail(tx, MailPurpose.CHANGE_EMAIL, receiver, address.typed, data=data)


@dataclass(frozen=True, kw_only=True)
class ConfirmEmailChange:
    """Change the address to the one that the token was mailed to, and end the other sessions.

    Mails tell the old and the new address.
    """

    storage: Storage
    mail_tokens: MailTokens
    queue_mail: QueueMail
    limits: Limits
    clock: Clock

    async def __call__(self, token: str, *, device: Device | None = None) -> None:
        """Change the address, and count a guess of a token by the address of `device`.

        Raises `MailTokenInvalid`, also if another account has the new address by now, and
        `TooManyRequests`.
        """
        async with self.limits.mail_token(device or Device()):
            await self._confirm(token)

    async def _confirm(self, token: str) -> None:
        async with self.storage.begin() as tx:
            stored, used = await self.mail_tokens.use(tx, token, Purpose.CHANGE_EMAIL)
            await self._change(tx, stored.user, used)

    async def _change(self, tx: UnitOfWork, user: User, token: StoredOneTimeToken) -> None:
        now = self.clock()
        address = EmailAddress.parse(token.address)
        session_id = token.data.get(_SESSION)
        await withdraw_invitation(tx, address)
        try:
            # In two steps if the old address was not verified: tokens that say so are then stale.
            was_verified = user.email_verified_at is not None
            await tx.users.set_email(user.id, address, verified_at=now if was_verified else None)
        except EmailTaken as exc:
            raise MailTokenInvalid("another account has the address by now") from exc
        await tx.users.set_email_verified(user.id, now)
        # All others were mailed to the old address.
        await tx.one_time.remove(user.id)
        await tx.sessions.end_all(
            user.id,
            EndReason.ADDRESS_CHANGED,
            now,
            keep=UUID(session_id) if session_id else None,
        )
        await tx.record(AddressChanged(user_id=user.id))
        for each in (user.email, address):
            await self.queue_mail(tx, MailPurpose.ADDRESS_CHANGED, user.id, each.typed)
