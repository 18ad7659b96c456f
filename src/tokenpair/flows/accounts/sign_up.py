"""Sign up: make an account from an address and a password."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from tokenpair.core.accounts.email import EmailAddress
from tokenpair.core.accounts.events import SignedUp
from tokenpair.core.accounts.sign_up_mode import SignUpMode
from tokenpair.core.accounts.user import StoredUser, User
from tokenpair.core.mail import MailPurpose
from tokenpair.core.sessions.client import Device
from tokenpair.errors import EmailTaken, SignUpClosed
from tokenpair.flows.accounts.made_account import made_account
from tokenpair.flows.accounts.new_password import NewPassword
from tokenpair.flows.accounts.withdraw_invitation import withdraw_invitation
from tokenpair.flows.limits import Limits
from tokenpair.flows.mail.queue_mail import QueueMail
from tokenpair.ports import Clock, Storage


@dataclass(frozen=True, kw_only=True)
class SignUp:
    """Make an account with the default roles, and mail a link that verifies its address."""

    storage: Storage
    new_password: NewPassword
    queue_mail: QueueMail
    clock: Clock
    new_id: Callable[[], UUID]
    sign_up_mode: SignUpMode
    default_roles: frozenset[str]
    limits: Limits

    async def __call__(
        self,
        *,
        email: str,
        password: str,
        profile: dict[str, Any] | None = None,
        device: Device | None = None,
    ) -> User:
        """Raises `SignUpClosed`, `InvalidInput`, `EmailTaken`, `TooManyRequests` and `Unavailable`.

        It also raises the error of a hook.
        """
        if self.sign_up_mode is not SignUpMode.OPEN:
            raise SignUpClosed
        await self.limits.sign_up(device or Device())
        address = EmailAddress.parse_new(email)
        # Saves the work of hashing. Uniqueness is guaranteed by `add`, not here.
        async with self.storage.reading() as look:
            if await look.users.by_email(address):
                raise EmailTaken
        password_hash = await self.new_password(password, address=address, profile=profile)
        user = User(
            id=self.new_id(),
            email=address,
            created_at=self.clock(),
            roles=self.default_roles,
            profile=profile or {},
        )
        async with self.storage.begin() as tx:
            await withdraw_invitation(tx, address)
            await tx.users.add(StoredUser(user=user, password_hash=password_hash))
            await self.queue_mail(tx, MailPurpose.VERIFY_EMAIL, user.id, address.typed)
            await tx.record(SignedUp(user=user))
            return await made_account(tx, user.id)
