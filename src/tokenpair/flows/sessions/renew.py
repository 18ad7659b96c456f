"""Renew: present a refresh token, get the next pair. The hot path is one statement."""

from dataclasses import dataclass
from datetime import datetime

from tokenpair.core.events import Notify, RenewalAttempted, RenewalOutcome
from tokenpair.core.sessions.mint import Mint, TokenPair
from tokenpair.core.sessions.rule import SessionState
from tokenpair.core.tokens.claims import FullRefreshClaims
from tokenpair.errors import AuthError, ExpiredToken, TokenError, Unavailable
from tokenpair.flows.sessions.judge import Judge
from tokenpair.ports import Clock, Storage

# Made once, because nearly every renewal ends in one of them.
_ADVANCED = RenewalAttempted(outcome=RenewalOutcome.ADVANCE)
_HELD = RenewalAttempted(outcome=RenewalOutcome.HOLD)
_REPEATED = RenewalAttempted(outcome=RenewalOutcome.REPEAT)


@dataclass(frozen=True, kw_only=True)
class Renew:
    """Renew a session. See `rule.judge` for the rule."""

    storage: Storage
    mint: Mint
    clock: Clock
    notify: Notify
    judge: Judge

    async def __call__(self, token: str) -> TokenPair:
        """Give the next pair; its refresh token may be the very one presented.

        Raises `InvalidToken`, `ExpiredToken`, `RefreshTokenRequired`, `SessionEnded`,
        `TokenSuperseded` and `Unavailable`.
        """
        now = self.clock()
        try:
            claims = self.mint.codec.decode_refresh(token)
            claims.check(now)
            if state := await self.storage.renew(claims, now, self.mint.windows):
                self.notify(_success(state, claims, now))
                return self.mint.next_pair(state, token, claims, now)
            outcome, refusal = await self.judge(claims, now)
            if refusal is None:
                # Only a row that went back between the two looks (a fail-over) gets here: the
                # same token is accepted on the next try.
                raise Unavailable("the row changed while it was judged")
        except AuthError as exc:
            self.notify(RenewalAttempted(outcome=_failure(exc)))
            raise
        self.notify(RenewalAttempted(outcome=outcome))
        raise refusal


def _success(state: SessionState, claims: FullRefreshClaims, now: datetime) -> RenewalAttempted:
    """Return which of the three verdicts the one statement has carried out."""
    if state.head != claims.token_id:
        return _HELD
    return _ADVANCED if state.rotated_at == now else _REPEATED


def _failure(error: AuthError) -> RenewalOutcome:
    """Say what kept it from being judged."""
    match error:
        case ExpiredToken():
            return RenewalOutcome.EXPIRED
        case TokenError():
            return RenewalOutcome.INVALID
        case _:
            return RenewalOutcome.UNAVAILABLE
