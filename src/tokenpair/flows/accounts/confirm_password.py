"""Ask a logged-in user for the password again."""

from dataclasses import dataclass
from uuid import UUID

from tokenpair.core.accounts.user import StoredUser
from tokenpair.core.sessions.client import Device
from tokenpair.errors import SessionEnded, WrongPassword
from tokenpair.flows.limits import Limits
from tokenpair.ports import PasswordHasher, Storage


@dataclass(frozen=True, kw_only=True)
class ConfirmPassword:
    """Compare a user's current password, before a change that only its owner may make.

    Returns the user as it was compared. A flow that goes on to change it locks the row and
    compares `credential_version`: the password may have been replaced meanwhile.
    """

    storage: Storage
    passwords: PasswordHasher
    limits: Limits

    async def __call__(
        self,
        user_id: UUID,
        password: str,
        device: Device | None = None,
    ) -> StoredUser:
        """Raises `WrongPassword`, `TooManyRequests` and `Unavailable`.

        Raises `SessionEnded` when the account does not exist any more, or is disabled.
        """
        found = await self._find(user_id)
        async with self.limits.password(found.user.email, device or Device()):
            verified = await self.passwords.verify(password, found.password_hash)
            if not verified.is_right:
                raise WrongPassword
        return found

    async def _find(self, user_id: UUID) -> StoredUser:
        async with self.storage.reading() as look:
            user = await look.users.get(user_id)
            found = await look.users.by_email(user.email) if user else None
        # The address may have moved to another account between the two reads.
        if found is None or found.user.id != user_id or not found.user.is_enabled:
            raise SessionEnded("the user was deleted or disabled")
        return found
