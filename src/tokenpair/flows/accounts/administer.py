"""What an administrator does to an account."""

import re
from dataclasses import dataclass
from uuid import UUID

from tokenpair.core.sessions.rule import EndReason
from tokenpair.errors import FieldError, InvalidInput, NotFound
from tokenpair.ports import Clock, Storage

# They travel in every access token, which has a limit of its own.
MAX_ROLES = 32
_ROLE = re.compile(r"[A-Za-z0-9_.:-]{1,64}", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class SetRoles:
    """Replace a user's roles. Access tokens issued before turn stale; the next renewal heals."""

    storage: Storage

    async def __call__(self, user_id: UUID, roles: frozenset[str]) -> None:
        """Raises `NotFound`, and `InvalidInput` for roles that a token could not carry."""
        if len(roles) > MAX_ROLES or not all(_ROLE.fullmatch(role) for role in roles):
            reason = (
                f"must be up to {MAX_ROLES} names of letters, digits and _ . : -, without spaces"
            )
            raise InvalidInput(FieldError("roles", reason))
        async with self.storage.begin() as tx:
            if not await tx.users.set_roles(user_id, roles):
                raise NotFound


@dataclass(frozen=True, kw_only=True)
class Disable:
    """Disable a user and end every session, in one unit of work.

    Ending the rows themselves is the point: a renewal that waits for the session's lock sees
    them ended, where it would not see the user's row change. Enabling again revives nothing.
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
