"""Read an account, and change its profile."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from operator import or_
from typing import Any
from uuid import UUID

from tokenpair.core.accounts.events import ProfileChanged
from tokenpair.core.accounts.user import User
from tokenpair.core.tokens.claims import AccessClaims
from tokenpair.errors import SessionEnded
from tokenpair.flows.accounts.confirmed import lock_enabled, require_live
from tokenpair.ports import Clock, Storage, UnitOfWork

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
                return await _change(tx, locked.user, merge(locked.user.profile, changes))
        raise SessionEnded("the user does not exist any more")


@dataclass(frozen=True, kw_only=True)
class UpdateOwnProfile:
    """Change the app's own fields of the account that a request comes from."""

    storage: Storage
    clock: Clock

    async def __call__(
        self, claims: AccessClaims, changes: dict[str, Any], *, merge: Merge = or_
    ) -> User:
        """Change the profile as `UpdateProfile` does, while the session of `claims` is live.

        The session's row is read. Raises `SessionEnded`, also for a disabled user, `Unavailable`,
        and what `merge` raises; then nothing has changed.
        """
        now = self.clock()
        async with self.storage.begin() as tx:
            locked = await lock_enabled(tx, claims.subject)
            await require_live(tx, claims.subject, claims.session_id, now)
            return await _change(tx, locked.user, merge(locked.user.profile, changes))


async def _change(tx: UnitOfWork, user: User, profile: dict[str, Any]) -> User:
    """Replace the profile of a locked user."""
    await tx.users.set_profile(user.id, profile)
    await tx.record(ProfileChanged(user_id=user.id))
    return replace(user, profile=profile)
