"""Read and change the caller's own account."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from operator import or_
from typing import Any
from uuid import UUID

from tokenpair.core.accounts.events import ProfileChanged
from tokenpair.core.accounts.user import User
from tokenpair.errors import SessionEnded
from tokenpair.ports import Storage

Merge = Callable[[dict[str, Any], dict[str, Any]], dict[str, Any]]


@dataclass(frozen=True, kw_only=True)
class GetUser:
    """Return an authenticated user's account."""

    storage: Storage

    async def __call__(self, user_id: UUID) -> User:
        """Raises `SessionEnded` when the account does not exist any more."""
        async with self.storage.reading() as look:
            if user := await look.users.get(user_id):
                return user
        raise SessionEnded("the user does not exist any more")


@dataclass(frozen=True, kw_only=True)
class UpdateProfile:
    """Change the app's own fields of an account."""

    storage: Storage

    async def __call__(self, user_id: UUID, changes: dict[str, Any], *, merge: Merge = or_) -> User:
        """Replace the profile by `merge(profile, changes)`; by default, other fields stay.

        The user is locked meanwhile. Raises `SessionEnded` when the account does not exist any
        more, and what `merge` raises; then nothing has changed.
        """
        async with self.storage.begin() as tx:
            if locked := await tx.users.lock(user_id):
                profile = merge(locked.user.profile, changes)
                await tx.users.set_profile(user_id, profile)
                await tx.record(ProfileChanged(user_id=user_id))
                return replace(locked.user, profile=profile)
        raise SessionEnded("the user does not exist any more")
