"""Open a session for a user who has proved their identity: the end of every log-in."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from tokenpair.core.accounts.user import StoredUser
from tokenpair.core.events import SessionOpened
from tokenpair.core.sessions.client import Device
from tokenpair.core.sessions.mint import Mint, TokenPair
from tokenpair.core.sessions.rule import (
    EndReason,
    SessionState,
    StoredSession,
    Windows,
    hash_secret,
)
from tokenpair.core.tokens.lifetimes import Lifetimes
from tokenpair.errors import InvalidCredentials
from tokenpair.ports import Clock, Storage, UnitOfWork

MAX_SESSIONS = 50
"""Number of live sessions that a user may have. One more log-in ends the oldest."""


class ProofOutdated(InvalidCredentials):
    """The proof was valid when it was made, and is not any more. A new one may be valid."""


class Proof(Protocol):
    """How a user has proved their identity, such as by a password."""

    @property
    def amr(self) -> frozenset[str]:
        """The methods that were used, by the names of RFC 8176."""
        ...

    async def confirm(self, user: StoredUser, tx: UnitOfWork) -> bool:
        """Check that the proof still holds for `user`, and store what its use changes.

        The user's row is locked and enabled. Return False to open no session; then nothing is
        stored.
        """
        ...


@dataclass(frozen=True, kw_only=True)
class OpenSession:
    """Open a session, and return its first pair. A log-in of any kind ends with this."""

    storage: Storage
    mint: Mint
    lifetimes: Lifetimes
    windows: Windows
    clock: Clock
    new_id: Callable[[], UUID]

    async def __call__(self, user_id: UUID, proof: Proof, device: Device) -> TokenPair:
        """Raises `InvalidCredentials` for a disabled or deleted user, and `ProofOutdated`."""
        now, secret = self.clock(), self.mint.new_secret()
        async with self.storage.begin() as tx:
            # Checked under the lock: the password may have been reset, or the user disabled, since
            # the proof was made. That has ended the user's sessions, and would miss this one.
            found = await tx.users.lock(user_id)
            if found is None or not found.user.is_enabled:
                raise InvalidCredentials("disabled or deleted while logging in")
            if not await proof.confirm(found, tx):
                raise ProofOutdated("changed while logging in")
            await _make_room(tx, user_id, now)
            session = self._new_session(user_id, proof, device, secret, now)
            await tx.sessions.add(session)
            await tx.record(SessionOpened(user_id=user_id, session_id=session.id))
        return self.mint.first_pair(SessionState.of(session, found.user), secret, now)

    def _new_session(
        self, user_id: UUID, proof: Proof, device: Device, secret: bytes, now: datetime
    ) -> StoredSession:
        return StoredSession(
            id=self.new_id(),
            user_id=user_id,
            secret_hash=hash_secret(secret),
            # The parent of the first refresh token.
            head=self.mint.new_token_id(),
            # Longer ago than the window, so that the first renewal rotates.
            rotated_at=now - self.windows.superseded - timedelta(seconds=1),
            authenticated_at=now,
            amr=proof.amr,
            created_at=now,
            seen_at=now,
            expires_at=now + self.lifetimes.session,
            user_agent=device.user_agent,
            ip=device.ip,
        )


async def _make_room(tx: UnitOfWork, user_id: UUID, now: datetime) -> None:
    too_many = (await tx.sessions.live(user_id, now))[MAX_SESSIONS - 1 :]
    for oldest in reversed(too_many):  # In the order in which `end_all` ends them.
        await tx.sessions.end(user_id, oldest.id, EndReason.TOO_MANY_SESSIONS, now)
