"""Log in: an address and a password open a session, and its first pair."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from tokenpair.core.accounts.email import EmailAddress
from tokenpair.core.accounts.user import StoredUser, User
from tokenpair.core.events import LogInFailed, LogInOutcome, Notify, SessionOpened
from tokenpair.core.sessions.client import Device
from tokenpair.core.sessions.mint import Mint, TokenPair
from tokenpair.core.sessions.rule import EndReason, SessionState, StoredSession, hash_secret
from tokenpair.errors import InvalidCredentials, InvalidInput, Unavailable
from tokenpair.ports import Clock, PasswordHasher, Storage, UnitOfWork, Verified

MAX_SESSIONS = 50
"""A user's live sessions; with one more log-in the oldest ends."""

# A rehash by another log-in at the same moment changes the hash once; a second time is rare.
_TRIES = 3


@dataclass(frozen=True, kw_only=True)
class LogIn:
    """Open a session.

    An unknown address, a wrong password and a disabled account get the same answer for the
    same work: one read and one comparison of hashes.
    """

    storage: Storage
    passwords: PasswordHasher
    mint: Mint
    clock: Clock
    new_id: Callable[[], UUID]
    notify: Notify

    async def __call__(
        self, *, email: str, password: str, device: Device | None = None
    ) -> TokenPair:
        """Raises `InvalidCredentials` and `Unavailable`."""
        try:
            return await self._log_in(email, password, device or Device())
        except InvalidCredentials:
            self.notify(LogInFailed(outcome=LogInOutcome.REFUSED))
            raise
        except Unavailable:
            self.notify(LogInFailed(outcome=LogInOutcome.UNAVAILABLE))
            raise

    async def _log_in(self, email: str, password: str, device: Device) -> TokenPair:
        for _ in range(_TRIES):
            found = await self._find(email)
            verified = await self.passwords.verify(password, found.password_hash if found else None)
            if found is None or not verified.is_right or not found.user.is_enabled:
                raise InvalidCredentials
            if pair := await self._open_session(found, verified, device):
                return pair
            # The hash changed while we compared. By a rehash, and the password is still
            # right; or by a reset, and it is not: the next round tells.
        raise InvalidCredentials("the password kept changing")

    async def _find(self, email: str) -> StoredUser | None:
        try:
            address = EmailAddress.parse(email)
        except InvalidInput:
            return None  # No account has such an address.
        async with self.storage.reading() as look:
            return await look.users.by_email(address)

    async def _open_session(
        self, found: StoredUser, verified: Verified, device: Device
    ) -> TokenPair | None:
        """Insert the session, provided that the password is still the one verified.

        Otherwise a password reset between the comparison and the insert would leave this
        session alive.
        """
        now, secret = self.clock(), self.mint.new_secret()
        async with self.storage.begin() as tx:
            locked = await tx.users.lock(found.user.id)
            if locked is None or not locked.user.is_enabled:
                raise InvalidCredentials("disabled or deleted while logging in")
            if locked.password_hash != found.password_hash or found.password_hash is None:
                return None
            user = locked.user
            await self._make_room(tx, user, now)
            session = StoredSession(
                id=self.new_id(),
                user_id=user.id,
                secret_hash=hash_secret(secret),
                head=self.mint.new_token_id(),
                # Longer ago than any window, so that the first renewal rotates.
                rotated_at=now - self.mint.windows.superseded - timedelta(seconds=1),
                authenticated_at=now,
                amr=frozenset({"pwd"}),
                created_at=now,
                seen_at=now,
                expires_at=now + self.mint.lifetimes.session,
                user_agent=device.user_agent,
                ip=device.ip,
            )
            await tx.sessions.add(session)
            await tx.record(SessionOpened(user_id=user.id, session_id=session.id))
            if verified.new_hash:
                # Made with today's parameters.
                await tx.users.set_password_hash(
                    user.id, verified.new_hash, replacing=found.password_hash
                )
        return self.mint.first_pair(SessionState.of(session, user), secret, now)

    @staticmethod
    async def _make_room(tx: UnitOfWork, user: User, now: datetime) -> None:
        too_many = (await tx.sessions.live(user.id, now))[MAX_SESSIONS - 1 :]
        for oldest in reversed(too_many):  # In the order in which `end_all` ends them.
            await tx.sessions.end(user.id, oldest.id, EndReason.TOO_MANY_SESSIONS, now)
