"""Replace a password: by a user who knows the old one, or as the app or an operator decides."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from tokenpair.core.accounts.events import PasswordChange, PasswordChanged
from tokenpair.core.accounts.user import User
from tokenpair.core.mail import MailPurpose
from tokenpair.core.sessions.client import Device
from tokenpair.core.sessions.rule import EndReason
from tokenpair.errors import NotFound
from tokenpair.flows.accounts.confirm_password import ConfirmPassword
from tokenpair.flows.accounts.confirmed import lock_confirmed, require_live
from tokenpair.flows.accounts.new_password import NewPassword
from tokenpair.flows.mail.queue_mail import QueueMail
from tokenpair.ports import Clock, Storage, UnitOfWork


@dataclass(frozen=True, kw_only=True)
class ReplacePassword:
    """Store a new password's hash, with what follows from it, in the caller's unit of work.

    The user is locked. Links in mails that reset the password or change the address are of no use
    any more: they are bound to `credential_version`.
    """

    queue_mail: QueueMail

    async def __call__(
        self,
        tx: UnitOfWork,
        user: User,
        password_hash: str,
        now: datetime,
        *,
        reason: PasswordChange,
        keep_session: UUID | None = None,
    ) -> None:
        """End all sessions but `keep_session`, and tell the user by a mail."""
        await tx.users.set_password(user.id, password_hash)
        await tx.sessions.end_all(user.id, EndReason.PASSWORD_CHANGED, now, keep=keep_session)
        await tx.record(PasswordChanged(user_id=user.id, reason=reason))
        address = user.email.typed
        await self.queue_mail(tx, MailPurpose.PASSWORD_CHANGED, user.id, address)


@dataclass(frozen=True, kw_only=True)
class ChangePassword:
    """Replace the password of a user who knows the old one, and end the other sessions.

    A mail tells the user.
    """

    storage: Storage
    confirm_password: ConfirmPassword
    new_password: NewPassword
    replace_password: ReplacePassword
    clock: Clock

    async def __call__(
        self,
        user_id: UUID,
        *,
        current_password: str,
        new_password: str,
        keep_session: UUID | None = None,
        device: Device | None = None,
    ) -> None:
        """End all sessions but `keep_session`, which is the one of the request.

        The limits of guesses count by the address of `device`. Raises `WrongPassword`,
        `InvalidInput` for `new_password`, `TooManyRequests`, `SessionEnded` for a deleted or
        disabled user and for a session to keep that is not live, and `Unavailable`.
        """
        confirmed = await self.confirm_password(user_id, current_password, device)
        user = confirmed.user
        password_hash = await self.new_password(
            new_password, address=user.email, profile=user.profile, field="new_password"
        )
        now = self.clock()
        async with self.storage.begin() as tx:
            locked = await lock_confirmed(tx, confirmed)
            if keep_session:
                await require_live(tx, user_id, keep_session, now)
            await self.replace_password(
                tx,
                locked.user,
                password_hash,
                now,
                reason=PasswordChange.CHANGED,
                keep_session=keep_session,
            )


@dataclass(frozen=True, kw_only=True)
class SetPassword:
    """Replace a user's password as the app or an operator decides, and end all sessions.

    A mail tells the user.
    """

    storage: Storage
    new_password: NewPassword
    replace_password: ReplacePassword
    clock: Clock

    async def __call__(self, user_id: UUID, new_password: str) -> None:
        """Raises `NotFound`, `InvalidInput` for `new_password`, and `Unavailable`."""
        async with self.storage.reading() as look:
            user = await look.users.get(user_id)
        if user is None:
            raise NotFound
        password_hash = await self.new_password(
            new_password, address=user.email, profile=user.profile, field="new_password"
        )
        async with self.storage.begin() as tx:
            if (locked := await tx.users.lock(user_id)) is None:
                raise NotFound
            await self.replace_password(
                tx, locked.user, password_hash, self.clock(), reason=PasswordChange.SET
            )
