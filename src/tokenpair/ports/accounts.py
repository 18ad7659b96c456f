"""Port of the accounts."""

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
        added at the same time: rely on a unique constraint, not on a query beforehand. An id that
        another user has is refused in the same way.
        """
        ...

    async def get(self, user_id: UUID) -> User | None:
        """Return the user, or None."""
        ...

    async def lock(self, user_id: UUID) -> StoredUser | None:
        """Return the user as committed now, and lock it until the unit of work ends; or None.

        Until then, other units of work that lock or change the user wait. Reads do not.
        """
        ...

    async def by_email(self, email: EmailAddress) -> StoredUser | None:
        """Return the user with this canonical address, or None."""
        ...

    async def list(self, *, limit: int) -> list[User]:
        """Return the `limit` newest users, newest first."""
        ...

    async def set_password_hash(self, user_id: UUID, password_hash: str, *, replacing: str) -> bool:
        """Replace the password's hash if it is still `replacing`; return whether it was.

        The comparison and the change are one atomic write. A user without a password matches no
        `replacing`.
        """
        ...

    async def set_password(self, user_id: UUID, password_hash: str) -> bool:
        """Replace the password's hash, and raise `credential_version` by one.

        Return whether the user exists. The sessions stay as they are.
        """
        ...

    async def set_email(
        self, user_id: UUID, email: EmailAddress, *, verified_at: datetime | None
    ) -> bool:
        """Replace the address, and when it was verified; return whether the user exists.

        Raises `EmailTaken`, as `add` does. The tokens keep their version: the flow ends sessions.
        """
        ...

    async def set_email_verified(self, user_id: UUID, at: datetime) -> bool:
        """Set when the address was verified; return whether the user exists.

        If it was not verified before, increase `version` by one, and record an `EmailVerified`:
        tokens carry whether the address is verified.
        """
        ...

    async def set_profile(self, user_id: UUID, profile: dict[str, Any]) -> bool:
        """Replace the profile; return whether the user exists.

        The caller locks the user first if the new profile depends on the old one.
        """
        ...

    async def set_roles(self, user_id: UUID, roles: frozenset[str]) -> bool:
        """Replace the roles; return whether the user exists.

        If they differ from the old ones, increase `version` by one and record a `RolesChanged`
        (`UnitOfWork.record`). Of several changes at the same time, each counts. Raises `ValueError`
        for roles that no token can carry, as `core.accounts.roles.require_storable_roles` does.
        """
        ...

    async def set_disabled(self, user_id: UUID, at: datetime | None) -> bool:
        """Set when the user was disabled, or None to enable; return whether the user exists.

        The sessions stay as they are: the flow ends them, in the same unit of work.
        """
        ...

    async def delete(self, user_id: UUID) -> bool:
        """Delete the user with everything that names it; return whether there was one.

        That is every row of the tables in `core.accounts.export.EXPORTED`. The caller has locked
        the user, and records `UserDeleted` before.
        """
        ...
