"""Delete an account, with its sessions, tokens and mails."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from tokenpair.core.accounts.events import UserDeleted
from tokenpair.core.accounts.user import User
from tokenpair.core.sessions.client import Device
from tokenpair.core.sessions.rule import EndReason
from tokenpair.core.tokens.claims import AccessClaims
from tokenpair.errors import NotFound
from tokenpair.flows.accounts.confirm_password import ConfirmPassword
from tokenpair.flows.accounts.confirmed import lock_confirmed, lock_enabled, require_live
from tokenpair.flows.accounts.withdraw_invitation import withdraw_invitation
from tokenpair.ports import Clock, Storage, UnitOfWork


@dataclass(frozen=True, kw_only=True)
class DeleteUser:
    """Delete an account, as the app or an operator decides.

    Its sessions, one-time tokens and mails go with it. Access tokens are refused at once at every
    worker, and the address can sign up again.
    """

    storage: Storage
    clock: Clock

    async def __call__(self, user_id: UUID) -> None:
        """Raises `NotFound`."""
        now = self.clock()
        async with self.storage.begin() as tx:
            if (locked := await tx.users.lock(user_id)) is None:
                raise NotFound
            await _delete(tx, locked.user, now)


@dataclass(frozen=True, kw_only=True)
class DeleteOwnAccount:
    """Delete the account of a user who knows the password or has logged in lately."""

    storage: Storage
    confirm_password: ConfirmPassword
    clock: Clock

    async def __call__(
        self, claims: AccessClaims, password: str | None = None, *, device: Device | None = None
    ) -> None:
        """Delete the account of verified claims.

        Without a password, the log-in must be less than `RECENT_LOGIN` ago. Raises
        `ReauthenticationRequired`, `WrongPassword`, `TooManyRequests`, `SessionEnded` and
        `Unavailable`.
        """
        if password is None:
            claims.require_recent_login(self.clock())
            confirmed = None
        else:
            confirmed = await self.confirm_password(claims.subject, password, device or Device())
        now = self.clock()
        async with self.storage.begin() as tx:
            if confirmed:
                locked = await lock_confirmed(tx, confirmed)
            else:
                locked = await lock_enabled(tx, claims.subject)
            await require_live(tx, claims.subject, claims.session_id, now)
            await _delete(tx, locked.user, now)


async def _delete(tx: UnitOfWork, user: User, now: datetime) -> None:
    """Delete a locked user."""
    # First, so that a hook of the app's still finds the account.
    await tx.record(UserDeleted(user_id=user.id))
    # Their rows are deleted, too, but only events tell the listeners that they have ended.
    await tx.sessions.end_all(user.id, EndReason.USER_DELETED, now)
    # One that was mailed while the account was made.
    await withdraw_invitation(tx, user.email)
    await tx.users.delete(user.id)
