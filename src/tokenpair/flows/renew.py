"""Renew: present a refresh token, get the next pair. The hot path is one statement."""

import logging
from dataclasses import dataclass
from datetime import datetime

from tokenpair.core.claims import FullRefreshClaims
from tokenpair.core.counts import RenewalOutcome, Tally
from tokenpair.core.pair import Mint, TokenPair
from tokenpair.core.session import EndReason, Standing, StoredSession, Verdict, judge
from tokenpair.errors import (
    AuthError,
    ExpiredToken,
    SessionEnded,
    TokenError,
    TokenSuperseded,
    Unavailable,
)
from tokenpair.ports import Clock, Storage

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Renew:
    """Renew a session. See `core.session.judge` for the rule."""

    storage: Storage
    mint: Mint
    clock: Clock
    tally: Tally

    async def __call__(self, token: str) -> TokenPair:
        """Give the next pair; its refresh token may be the very one presented.

        Raises `InvalidToken`, `ExpiredToken`, `RefreshTokenRequired`, `SessionEnded`,
        `TokenSuperseded` and `Unavailable`.
        """
        now, renewals = self.clock(), self.tally.renewals
        try:
            claims = self.mint.codec.decode_refresh(token)
            claims.check(now)
            if standing := await self.storage.renew(claims, now, self.mint.windows):
                renewals[_success(standing, claims, now)] += 1
                return self.mint.next_pair(standing, token, claims, now)
            outcome, refusal = await self._refusal(claims, now)
        except AuthError as exc:
            renewals[_failure(exc)] += 1
            raise
        renewals[outcome] += 1
        raise refusal

    async def _refusal(
        self, claims: FullRefreshClaims, now: datetime
    ) -> tuple[RenewalOutcome, SessionEnded | TokenSuperseded | Unavailable]:
        """Find out why the statement matched no row, and end the session if it was a replay.

        The block commits before anything is raised: an error raised inside it would roll the
        ending back, and leave the thief logged in.
        """
        async with self.storage.begin() as tx:
            found = await tx.sessions.lock(claims.session_id)
            if found is None:
                return RenewalOutcome.ENDED, SessionEnded("no such session")
            session, user = found
            if not user.is_enabled:
                return RenewalOutcome.ENDED, SessionEnded("the user is disabled")
            verdict = judge(session, claims, now, self.mint.windows)
            if verdict is Verdict.REPLAY:
                await tx.sessions.end(session.id, EndReason.REPLAY, now)
        match verdict:
            case Verdict.REPLAY:
                _warn("a refresh token was replayed; its session has been ended", session, claims)
                self.tally.sessions_ended[EndReason.REPLAY] += 1
                return RenewalOutcome.REPLAY, SessionEnded("replay")
            case Verdict.SUPERSEDED:
                return RenewalOutcome.SUPERSEDED, TokenSuperseded()
            case Verdict.ENDED if not session.recognises(claims):
                # Only the holder of a signing key can get here.
                _warn("a forged refresh token: a signing key has leaked", session, claims)
                refusal = SessionEnded("the token's secret is not the session's")
                return RenewalOutcome.FORGED, refusal
            case Verdict.ENDED:
                reason = session.end_reason.value if session.end_reason else "expired"
                return RenewalOutcome.ENDED, SessionEnded(reason)
            case Verdict.ADVANCE | Verdict.HOLD | Verdict.REPEAT:
                # Only a row that went back between the two looks (a fail-over) gets here:
                # the same token will do on the next try.
                changed = Unavailable("the row changed while it was judged")
                return RenewalOutcome.UNAVAILABLE, changed


def _success(standing: Standing, claims: FullRefreshClaims, now: datetime) -> RenewalOutcome:
    """Say which of the three it was that the one statement has carried out."""
    if standing.head != claims.token_id:
        return RenewalOutcome.HOLD
    return RenewalOutcome.ADVANCE if standing.rotated_at == now else RenewalOutcome.REPEAT


def _failure(error: AuthError) -> RenewalOutcome:
    """Say what kept it from being judged."""
    match error:
        case ExpiredToken():
            return RenewalOutcome.EXPIRED
        case TokenError():
            return RenewalOutcome.INVALID
        case _:
            return RenewalOutcome.UNAVAILABLE


def _warn(event: str, session: StoredSession, claims: FullRefreshClaims) -> None:
    """Tell the operator, by ids alone."""
    _log.warning(
        "%s (session %s, user %s, generation %d, presented %d)",
        event,
        session.id,
        session.user_id,
        session.generation,
        claims.generation,
        extra={
            "session_id": str(session.id),
            "user_id": str(session.user_id),
            "generation": session.generation,
            "presented_generation": claims.generation,
        },
    )
