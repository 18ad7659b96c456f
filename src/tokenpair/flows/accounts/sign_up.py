"""Sign up: make an account from an address and a password."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from tokenpair.core.accounts.email import EmailAddress
from tokenpair.core.accounts.password_policy import PasswordPolicy
from tokenpair.core.accounts.user import StoredUser, User
from tokenpair.errors import EmailTaken
from tokenpair.ports import Clock, PasswordHasher, Storage


@dataclass(frozen=True, kw_only=True)
class SignUp:
    """Make an account. It has no roles, and its address counts as unverified."""

    storage: Storage
    passwords: PasswordHasher
    policy: PasswordPolicy
    clock: Clock
    new_id: Callable[[], UUID]

    async def __call__(
        self, *, email: str, password: str, profile: dict[str, Any] | None = None
    ) -> User:
        """Raises `InvalidInput` and `EmailTaken`."""
        address = EmailAddress.parse_new(email)
        # Saves the work of hashing. Uniqueness is guaranteed by `add`, not here.
        async with self.storage.reading() as look:
            if await look.users.by_email(address):
                raise EmailTaken
        words = _words_in(address)
        await self.passwords.in_turn(lambda: self.policy.require_valid(password, words=words))
        password_hash = await self.passwords.hash(password)
        user = User(
            id=self.new_id(),
            email=address,
            created_at=self.clock(),
            profile=profile or {},
        )
        async with self.storage.begin() as tx:
            await tx.users.add(StoredUser(user=user, password_hash=password_hash))
        return user


def _words_in(address: EmailAddress) -> set[str]:
    """Return the words that an attacker who knows the address would try first."""
    whole = {address.typed, address.canonical}
    return {*whole, *(part for text in whole for part in re.split(r"[\W_]+", text))} - {""}
