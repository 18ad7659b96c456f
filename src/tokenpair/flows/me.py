"""See and change one's own account."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from tokenpair.core.user import User
from tokenpair.errors import SessionEnded
from tokenpair.ports import Storage


@dataclass(frozen=True, kw_only=True)
class GetUser:
    """Give an authenticated user's account."""

    storage: Storage

    async def __call__(self, user_id: UUID) -> User:
        """Raises `SessionEnded` when the account went away under the token."""
        async with self.storage.reading() as look:
            if user := await look.users.get(user_id):
                return user
        raise SessionEnded("the user is gone")


@dataclass(frozen=True, kw_only=True)
class UpdateProfile:
    """Change some of the app's own fields of an account; the others stay."""

    storage: Storage

    async def __call__(self, user_id: UUID, changes: dict[str, Any]) -> User:
        """Raises `SessionEnded` when the account went away under the token."""
        async with self.storage.begin() as tx:
            user = await tx.users.set_profile(user_id, changes)
        if user is None:
            raise SessionEnded("the user is gone")
        return user
