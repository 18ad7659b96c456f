"""Log out: one session ends, or all of a user's."""

from dataclasses import dataclass
from uuid import UUID

from tokenpair.core.counts import Tally
from tokenpair.core.sessions.rule import EndReason
from tokenpair.core.tokens.codec import Codec
from tokenpair.ports import Clock, Storage


@dataclass(frozen=True, kw_only=True)
class LogOut:
    """End the session of a token of either kind. It may have expired; it must be ours."""

    storage: Storage
    codec: Codec
    clock: Clock
    tally: Tally

    async def __call__(self, token: str) -> None:
        """Doing it twice is fine. Raises `InvalidToken`."""
        claims = self.codec.decode(token)
        async with self.storage.begin() as tx:
            ended = await tx.sessions.end(
                claims.subject, claims.session_id, EndReason.LOGOUT, self.clock()
            )
        self.tally.sessions_ended[EndReason.LOGOUT] += ended


@dataclass(frozen=True, kw_only=True)
class LogOutEverywhere:
    """End every session of a user."""

    storage: Storage
    clock: Clock
    tally: Tally

    async def __call__(self, user_id: UUID) -> int:
        """Give the number of sessions that ended."""
        async with self.storage.begin() as tx:
            ended = await tx.sessions.end_all(user_id, EndReason.LOGOUT_ALL, self.clock())
        self.tally.sessions_ended[EndReason.LOGOUT_ALL] += ended
        return ended
