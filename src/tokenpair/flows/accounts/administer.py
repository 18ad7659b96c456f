"""What an administrator can do with an account."""

from dataclasses import dataclass
from uuid import UUID

from tokenpair.core.accounts.roles import require_valid_roles
from tokenpair.core.sessions.rule import EndReason
from tokenpair.errors import NotFound
from tokenpair.ports import Clock, Storage


@dataclass(frozen=True, kw_only=True)
class SetRoles:
    """Replace a user's roles. Earlier access tokens are stale; a renewal returns a new one."""

    storage: Storage

    async def __call__(self, user_id: UUID, roles: frozenset[str]) -> None:
        """Raises `NotFound`, and `InvalidInput` for roles that no token can carry."""
        require_valid_roles(roles)
        async with self.storage.begin() as tx:
            if not await tx.users.set_roles(user_id, roles):
                raise NotFound


@dataclass(frozen=True, kw_only=True)
class MarkVerified:
    """Mark a user's address as verified, as a link in a mail does.

    Earlier access tokens of an unverified user are stale; a renewal returns a new one.
    """

    storage: Storage
    clock: Clock

    async def __call__(self, user_id: UUID) -> None:
        """Raises `NotFound`."""
        async with self.storage.begin() as tx:
            if not await tx.users.set_email_verified(user_id, self.clock()):
                raise NotFound


@dataclass(frozen=True, kw_only=True)
class Disable:
    """Disable a user and end every session, in one unit of work.

    The sessions' rows must end, too: a renewal that waits for the lock on its session sees that
    row as ended, but would not see the change of the user's row. `Enable` revives no session.
    """

    storage: Storage
    clock: Clock

    async def __call__(self, user_id: UUID) -> None:
        """Raises `NotFound`."""
        now = self.clock()
        async with self.storage.begin() as tx:
            if not await tx.users.set_disabled(user_id, now):
                raise NotFound
            await tx.sessions.end_all(user_id, EndReason.USER_DISABLED, now)


@dataclass(frozen=True, kw_only=True)
class Enable:
    """Let a disabled user log in again."""

    storage: Storage

    async def __call__(self, user_id: UUID) -> None:
        """Raises `NotFound`."""
        async with self.storage.begin() as tx:
            if not await tx.users.set_disabled(user_id, None):
                raise NotFound
