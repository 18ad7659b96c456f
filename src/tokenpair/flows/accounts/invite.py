"""Invite a user by mail, and accept an invitation."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from tokenpair.core.accounts.email import EmailAddress
from tokenpair.core.accounts.events import InvitationAccepted
from tokenpair.core.accounts.invitation import ACCOUNT_ID, ROLES, invitation_id
from tokenpair.core.accounts.roles import require_valid_roles
from tokenpair.core.accounts.sign_up_mode import SignUpMode
from tokenpair.core.accounts.user import StoredUser, User
from tokenpair.core.mail import MailPurpose, new_mail
from tokenpair.core.one_time import Purpose, StoredOneTimeToken, parse
from tokenpair.core.sessions.client import Device
from tokenpair.errors import EmailTaken, MailTokenInvalid, SignUpClosed
from tokenpair.flows.accounts.made_account import made_account
from tokenpair.flows.accounts.new_password import NewPassword
from tokenpair.flows.accounts.withdraw_invitation import withdraw_invitation
from tokenpair.flows.limits import Limits
from tokenpair.flows.mail.queue_mail import require_mail
from tokenpair.options import MailOptions
from tokenpair.ports import Clock, Storage


@dataclass(frozen=True, kw_only=True)
class Invite:
    """Mail an invitation, a link that is valid for seven days. It replaces an older one."""

    storage: Storage
    clock: Clock
    new_id: Callable[[], UUID]
    mail_options: MailOptions
    sign_up_mode: SignUpMode

    async def __call__(self, *, email: str, roles: frozenset[str] | None = None) -> UUID:
        """Invite an address, and return the id that the account will have if it is accepted.

        The account will have `roles`, by default those of a sign-up when it is accepted. Raises
        `InvalidInput` for an address, or for roles that no token can carry; `EmailTaken`;
        `SignUpClosed`; and `ConfigurationError` if mail is off.
        """
        if self.sign_up_mode is SignUpMode.CLOSED:
            raise SignUpClosed
        require_mail(self.mail_options, "an invitation")
        address = EmailAddress.parse_new(email)
        require_valid_roles(roles or frozenset())
        account_id = self.new_id()
        mail = new_mail(
            MailPurpose.INVITATION,
            invitation_id(address),
            address.typed,
            self.clock(),
            self.new_id(),
            data={
                # Not the default roles of here: a command line does not know those of the app.
                ROLES: None if roles is None else sorted(roles),
                ACCOUNT_ID: str(account_id),
            },
        )
        async with self.storage.begin() as tx:
            await withdraw_invitation(tx, address)
            # Only now: a sign-up that withdraws the same invitation has ended.
            if await tx.users.by_email(address):
                raise EmailTaken
            await tx.outbox.add(mail)
        return account_id


@dataclass(frozen=True, kw_only=True)
class AcceptInvitation:
    """Make an account with the token of an invitation. Its address counts as verified."""

    storage: Storage
    new_password: NewPassword
    clock: Clock
    new_id: Callable[[], UUID]
    sign_up_mode: SignUpMode
    default_roles: frozenset[str]
    limits: Limits

    async def __call__(
        self,
        *,
        token: str,
        password: str,
        profile: dict[str, Any] | None = None,
        device: Device | None = None,
    ) -> User:
        """Return the new account, with the id and the roles of the invitation.

        The limit of guesses counts by the address of `device`. Raises `MailTokenInvalid`, also if
        the address has an account by now; `InvalidInput` for `password`, and then the token can be
        used again; `SignUpClosed`; `TooManyRequests`; `Unavailable`; and hooks' errors.
        """
        if self.sign_up_mode is SignUpMode.CLOSED:
            raise SignUpClosed
        async with self.limits.mail_token(device or Device()):
            invited, token_hash = parse(token)
            address = await self._address(invited, token_hash)
        password_hash = await self.new_password(password, address=address, profile=profile)
        async with self.storage.begin() as tx:
            now = self.clock()
            # In the order of `withdraw_invitation`.
            await tx.outbox.remove_all(invited, MailPurpose.INVITATION)
            used = await tx.one_time.use(invited, Purpose.INVITATION, token_hash, now)
            if not used:
                raise MailTokenInvalid("used, replaced or expired a moment ago")
            user = User(
                id=self._account_id(used),
                email=address,
                email_verified_at=now,
                roles=self._roles(used),
                created_at=now,
                profile=profile or {},
            )
            try:
                await tx.users.add(StoredUser(user=user, password_hash=password_hash))
            except EmailTaken as exc:
                raise MailTokenInvalid("an account has the address by now") from exc
            await tx.record(InvitationAccepted(user=user))
            return await made_account(tx, user.id)

    def _account_id(self, used: StoredOneTimeToken) -> UUID:
        """Return the id that the invitation reserves; one of an older version reserves none."""
        reserved = used.data.get(ACCOUNT_ID)
        return UUID(reserved) if reserved else self.new_id()

    def _roles(self, used: StoredOneTimeToken) -> frozenset[str]:
        named = used.data[ROLES]
        return self.default_roles if named is None else frozenset(named)

    async def _address(self, invited: UUID, token_hash: bytes) -> EmailAddress:
        """Return the address of a valid token. Only such a token is worth the work of hashing."""
        async with self.storage.reading() as look:
            found: StoredOneTimeToken | None = await look.one_time.find(
                invited, Purpose.INVITATION, token_hash, self.clock()
            )
            if not found:
                raise MailTokenInvalid("unknown, used, replaced or expired")
            address = EmailAddress.parse(found.address)
            if await look.users.by_email(address):
                raise MailTokenInvalid("an account has the address by now")
            return address
