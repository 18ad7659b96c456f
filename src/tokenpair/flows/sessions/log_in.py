"""Log in with an e-mail address and a password."""

from dataclasses import dataclass, field
from uuid import UUID

from tokenpair.core.accounts.user import StoredUser
from tokenpair.core.events import LogInFailed, LogInOutcome, Notify
from tokenpair.core.sessions.client import Device
from tokenpair.core.sessions.mint import TokenPair
from tokenpair.errors import InvalidCredentials, TooManyRequests, Unavailable
from tokenpair.flows.accounts.find_user import find_user
from tokenpair.flows.limits import Limits
from tokenpair.flows.sessions.open_session import OpenSession, ProofOutdated
from tokenpair.ports import PasswordHasher, Storage, UnitOfWork

# A rehash by another log-in at the same moment changes the hash once; a second time is rare.
_TRIES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class PasswordProof:
    """The user knows the password that `verified_hash` is the hash of.

    `new_hash` is a hash of the same password with today's parameters, if it needs one.
    """

    verified_hash: str = field(repr=False)
    new_hash: str | None = field(default=None, repr=False)
    amr: frozenset[str] = frozenset({"pwd"})

    async def confirm(self, user: StoredUser, tx: UnitOfWork) -> bool:
        """Check that the password is still the same, and store its new hash."""
        if user.password_hash != self.verified_hash:
            return False
        if self.new_hash:
            await tx.users.set_password_hash(
                user.user.id, self.new_hash, replacing=self.verified_hash
            )
        return True


@dataclass(frozen=True, kw_only=True)
class LogIn:
    """Check the password, and open a session.

    An unknown address, a wrong password and a disabled account get the same answer for the
    same work: one read and one comparison of hashes.
    """

    storage: Storage
    passwords: PasswordHasher
    open_session: OpenSession
    limits: Limits
    notify: Notify

    async def __call__(
        self, *, email: str, password: str, device: Device | None = None
    ) -> TokenPair:
        """Open a session on `device`, whose address the limits of guesses count by.

        Without an address, an attacker's failures in a row delay the owner, too. Raises
        `InvalidCredentials`, `TooManyRequests` and `Unavailable`.
        """
        device = device or Device()
        try:
            async with self.limits.password(email, device):
                return await self._log_in(email, password, device)
        except InvalidCredentials:
            self.notify(LogInFailed(outcome=LogInOutcome.REFUSED))
            raise
        except TooManyRequests:
            self.notify(LogInFailed(outcome=LogInOutcome.LIMITED))
            raise
        except Unavailable:
            self.notify(LogInFailed(outcome=LogInOutcome.UNAVAILABLE))
            raise

    async def _log_in(self, email: str, password: str, device: Device) -> TokenPair:
        for _ in range(_TRIES):
            user_id, proof = await self._prove(email, password)
            try:
                return await self.open_session(user_id, proof, device)
            except ProofOutdated:
                # The hash has changed since: by a rehash, and the password is still right, or by
                # a reset, and it is wrong. The next round finds out.
                continue
        raise InvalidCredentials("the password hash changed during each attempt to log in")

    async def _prove(self, email: str, password: str) -> tuple[UUID, PasswordProof]:
        found = await find_user(self.storage, email)
        password_hash = found.password_hash if found else None
        verified = await self.passwords.verify(password, password_hash)
        if not (found and password_hash and verified.is_right and found.user.is_enabled):
            raise InvalidCredentials
        return found.user.id, PasswordProof(verified_hash=password_hash, new_hash=verified.new_hash)
