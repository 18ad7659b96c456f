"""Bring an account from another system, with the hash of its password."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from tokenpair.core.accounts.email import EmailAddress
from tokenpair.core.accounts.roles import require_valid_roles
from tokenpair.core.accounts.user import StoredUser, User
from tokenpair.errors import FieldError, InvalidInput
from tokenpair.flows.accounts.withdraw_invitation import withdraw_invitation
from tokenpair.ports import Clock, KnowsFormats, PasswordHasher, Storage


@dataclass(frozen=True, kw_only=True)
class ImportAccount:
    """Make an account from what another system has stored. It sends no mail, and calls no hook."""

    storage: Storage
    passwords: PasswordHasher
    clock: Clock
    new_id: Callable[[], UUID]

    async def __call__(
        self,
        *,
        email: str,
        password_hash: str | None,
        user_id: UUID | None = None,
        is_verified: bool = False,
        roles: frozenset[str] = frozenset(),
        profile: dict[str, Any] | None = None,
        created_at: datetime | None = None,
    ) -> User:
        """Return the new account, with `user_id` or a new id.

        `password_hash` is compared at the next log-in, in one of the formats of the how-to page
        about passwords; None is that of no password. Raises `InvalidInput`, also for a hash of an
        unknown format, and `EmailTaken` if there is an account with this address or id already.
        """
        self._require_known_format(password_hash)
        require_valid_roles(roles)
        if created_at and created_at.tzinfo is None:
            raise InvalidInput(FieldError("created_at", "has no time zone"))
        now = self.clock()
        user = User(
            id=user_id or self.new_id(),
            email=EmailAddress.parse(email),
            created_at=created_at or now,
            email_verified_at=now if is_verified else None,
            roles=roles,
            profile=profile or {},
        )
        async with self.storage.begin() as tx:
            await withdraw_invitation(tx, user.email)
            await tx.users.add(StoredUser(user=user, password_hash=password_hash))
        return user

    def _require_known_format(self, password_hash: str | None) -> None:
        if password_hash is None or not isinstance(self.passwords, KnowsFormats):
            return
        if problem := self.passwords.format_problem(password_hash):
            raise InvalidInput(FieldError("password_hash", problem))
