"""Log out: end one session of a user, all of them, or all but one."""

from dataclasses import dataclass
from uuid import UUID

from tokenpair.core.sessions.rule import EndReason
from tokenpair.core.tokens.codec import Codec
from tokenpair.ports import Clock, Storage


@dataclass(frozen=True, kw_only=True)
class LogOut:
    """End the session of an access or refresh token, which may have expired."""

    storage: Storage
    codec: Codec
    clock: Clock

    async def __call__(self, token: str) -> None:
        """Do nothing if the session has ended already. Raises `InvalidToken`."""
        claims = self.codec.decode(token)
        async with self.storage.begin() as tx:
            await tx.sessions.end(claims.subject, claims.session_id, EndReason.LOGOUT, self.clock())


@dataclass(frozen=True, kw_only=True)
class LogOutEverywhere:
    """End every session of a user."""

    storage: Storage
    clock: Clock

    async def __call__(self, user_id: UUID) -> int:
        """Return the number of sessions that ended."""
        async with self.storage.begin() as tx:
            return await tx.sessions.end_all(user_id, EndReason.LOGOUT_ALL, self.clock())


@dataclass(frozen=True, kw_only=True)
class LogOutElsewhere:
    """End every session of a user but one."""

    storage: Storage
    clock: Clock

    async def __call__(self, user_id: UUID, *, keep: UUID) -> int:
        """Return the number of sessions that ended. `keep` is the id of the one that goes on."""
        async with self.storage.begin() as tx:
            return await tx.sessions.end_all(
                user_id, EndReason.ENDED_BY_USER, self.clock(), keep=keep
            )
