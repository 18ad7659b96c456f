"""Judge a refresh token that its session's row did not simply accept; end a replayed session."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from tokenpair.core.events import RenewalOutcome
from tokenpair.core.sessions.rule import EndReason, StoredSession, Verdict, Windows, judge
from tokenpair.core.tokens.claims import FullRefreshClaims
from tokenpair.errors import AuthError, SessionEnded, TokenSuperseded, Unavailable
from tokenpair.ports import Storage

_log = logging.getLogger(__name__)

Rule = Callable[[StoredSession, FullRefreshClaims, datetime, Windows], Verdict]
Doubt = Callable[[], str | None]
"""Returns why this worker must not call a token a replay just now, or None.

A worker that stood still serves requests that may have waited for hours, and whose clients have
long moved on; one whose copy of the feed is old is no better informed.
"""


@dataclass(frozen=True, kw_only=True)
class Judge:
    """Ask the rule, with the session's row locked. See `rule.judge`."""

    storage: Storage
    windows: Windows
    doubt: Doubt

    async def __call__(
        self, claims: FullRefreshClaims, now: datetime, *, rule: Rule = judge
    ) -> tuple[RenewalOutcome, AuthError | None]:
        """Return the outcome, and the error to raise: None where the session accepts the token.

        `rule` is `judge` for a renewal, and `judge_unrenewed` where the token is only verified.

        The block commits before anything is raised: an error raised inside it would roll the
        ending back, and leave the thief logged in.
        """
        async with self.storage.begin() as tx:
            found = await tx.sessions.lock(claims.subject, claims.session_id)
            if found is None:
                return RenewalOutcome.ENDED, SessionEnded("no such session")
            session, user = found
            if not user.is_enabled:
                return RenewalOutcome.ENDED, SessionEnded("the user is disabled")
            verdict = rule(session, claims, now, self.windows)
            if verdict is Verdict.REPLAY:
                if doubt := self.doubt():
                    return RenewalOutcome.UNAVAILABLE, Unavailable(f"maybe a replay, but {doubt}")
                await tx.sessions.end(session.user_id, session.id, EndReason.REPLAY, now)
        match verdict:
            case Verdict.REPLAY:
                _warn("a refresh token was replayed; its session has been ended", session, claims)
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
                return RenewalOutcome(verdict.value), None


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
