"""Renew: present a refresh token, get the next pair."""

from dataclasses import dataclass
from datetime import datetime

from tokenpair.core.events import Notify, RenewalAttempted, RenewalOutcome
from tokenpair.core.sessions.mint import Mint, TokenPair
from tokenpair.core.sessions.rule import SessionState, Windows
from tokenpair.core.tokens.claims import FullRefreshClaims
from tokenpair.core.tokens.codec import Codec
from tokenpair.errors import (
    AuthError,
    ExpiredToken,
    SessionEnded,
    TokenError,
    TokenSuperseded,
    Unavailable,
)
from tokenpair.flows.sessions.judge import Forged, Judge, Replayed
from tokenpair.ports import Clock, Storage


@dataclass(frozen=True, kw_only=True)
class Renew:
    """Renew a session by its refresh token, in one statement. `rule.judge` is the rule."""

    codec: Codec
    clock: Clock
    storage: Storage
    windows: Windows
    judge: Judge
    mint: Mint
    notify: Notify

    async def __call__(self, token: str) -> TokenPair:
        """Return the next pair. Its refresh token may be the one that was presented.

        Raises `InvalidToken`, `ExpiredToken`, `RefreshTokenRequired`, `SessionEnded`,
        `TokenSuperseded` and `Unavailable`.
        """
        now = self.clock()
        try:
            claims = self.codec.decode_refresh(token)
            claims.check(now)
            state = await self.storage.renew(claims, now, self.windows)
            if state is None:
                # The session does not accept the token. The judge finds out why, and raises it.
                await self.judge(claims, now)
                # Reached only when a fail-over has taken the row back between the two: the next
                # try succeeds.
                raise Unavailable("the session's row changed during the check")
        except AuthError as exc:
            self.notify(RenewalAttempted(outcome=_outcome_of(exc)))
            raise
        self.notify(RenewalAttempted(outcome=_verdict(state, claims, now)))
        return self.mint.next_pair(state, token, claims, now)


def _verdict(state: SessionState, claims: FullRefreshClaims, now: datetime) -> RenewalOutcome:
    """Return which of the three verdicts the statement has applied."""
    if state.head != claims.token_id:
        return RenewalOutcome.HOLD
    return RenewalOutcome.ADVANCE if state.rotated_at == now else RenewalOutcome.REPEAT


def _outcome_of(error: AuthError) -> RenewalOutcome:
    match error:
        case ExpiredToken():
            return RenewalOutcome.EXPIRED
        case Replayed():
            return RenewalOutcome.REPLAY
        case Forged():
            return RenewalOutcome.FORGED
        case SessionEnded():
            return RenewalOutcome.ENDED
        case TokenSuperseded():
            return RenewalOutcome.SUPERSEDED
        case TokenError():
            return RenewalOutcome.INVALID
        case _:
            return RenewalOutcome.UNAVAILABLE
