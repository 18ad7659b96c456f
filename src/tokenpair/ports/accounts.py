"""The accounts, as a port."""

from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from tokenpair.core.accounts.email import EmailAddress
from tokenpair.core.accounts.user import StoredUser, User


class Users(Protocol):
    """The accounts, inside a unit of work."""

    async def add(self, user: StoredUser) -> None:
        """Store a new user.

        Raises `EmailTaken` when another user has this canonical address, also when both are
        added at the same moment: the store's own uniqueness decides, not a look beforehand.
        """
        ...

    async def get(self, user_id: UUID) -> User | None:
        """Give the user, or None."""
        ...

    async def lock(self, user_id: UUID) -> StoredUser | None:
        """Return the user as committed now, locked until the unit of work ends.

        Until then any other unit of work that locks or changes the user waits.
        """
        ...

    async def by_email(self, email: EmailAddress) -> StoredUser | None:
        """Return the user with this canonical address, or None."""
        ...

    async def list(self, *, limit: int) -> list[User]:
        """Give the newest users, newest first."""
        ...

    async def set_password_hash(self, user_id: UUID, password_hash: str, *, replacing: str) -> bool:
        """Replace the password's hash if it still is `replacing`. Was it?"""
        ...

    async def set_profile(self, user_id: UUID, profile: dict[str, Any]) -> bool:
        """Replace the profile. Is there such a user?

        Lock the user first if the new profile depends on the old one.
        """
        ...

    async def set_roles(self, user_id: UUID, roles: frozenset[str]) -> bool:
        """Replace the roles. Is there such a user?

        A real change raises `version` by one, and records a `RolesChanged`: see
        `UnitOfWork.record`.
        """
        ...

    async def set_disabled(self, user_id: UUID, at: datetime | None) -> bool:
        """Disable from `at`, or enable again with None. Is there such a user?

        The sessions are the flow's to end, in the same unit of work.
        """
        ...
