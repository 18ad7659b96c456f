"""Judge a refresh token that its session does not simply accept; end a replayed session."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from tokenpair.core.sessions.rule import EndReason, StoredSession, Verdict, Windows, judge
from tokenpair.core.tokens.claims import FullRefreshClaims
from tokenpair.errors import SessionEnded, TokenSuperseded, Unavailable
from tokenpair.ports import Storage

_log = logging.getLogger(__name__)

Rule = Callable[[StoredSession, FullRefreshClaims, datetime, Windows], Verdict]
Doubt = Callable[[], str | None]
"""Returns why this worker cannot tell a replay from a late request just now, or None.

A worker that was paused serves requests that may have waited for hours, while their clients
renewed elsewhere. A worker that has not read the feed lately may have been paused too.
"""


class Replayed(SessionEnded):
    """The token was a replay, and has ended the session."""


class Forged(SessionEnded):
    """The token is signed with our key, without the session's secret."""


@dataclass(frozen=True, kw_only=True)
class Judge:
    """Apply the rule with the session's row locked."""

    storage: Storage
    windows: Windows
    doubt: Doubt

    async def __call__(
        self, claims: FullRefreshClaims, now: datetime, *, rule: Rule = judge
    ) -> None:
        """Return if the session accepts the token; else raise why not.

        `rule` is `judge` for a renewal, and `judge_unrenewed` where the token is only verified.
        Raises `Replayed`, `Forged`, `SessionEnded`, `TokenSuperseded` and `Unavailable`.
        """
        async with self.storage.begin() as tx:
            found = await tx.sessions.lock(claims.subject, claims.session_id)
            if found is None:
                raise SessionEnded("no such session")
            session, user = found
            if not user.is_enabled:
                raise SessionEnded("the user is disabled")
            verdict = rule(session, claims, now, self.windows)
            if verdict is Verdict.REPLAY:
                if doubt := self.doubt():
                    raise Unavailable(f"maybe a replay, but {doubt}")
                await tx.sessions.end(session.user_id, session.id, EndReason.REPLAY, now)
        # Raised after the commit: inside the block, the error would undo the ending, and the thief
        # would stay logged in.
        match verdict:
            case Verdict.REPLAY:
                _warn("a refresh token was replayed; its session has been ended", session, claims)
                raise Replayed("replay")
            case Verdict.SUPERSEDED:
                raise TokenSuperseded
            case Verdict.ENDED if not session.recognises(claims):
                _warn("a forged refresh token: a signing key has leaked", session, claims)
                raise Forged("the token's secret is not the session's")
            case Verdict.ENDED:
                raise SessionEnded(session.end_reason.value if session.end_reason else "expired")
            case Verdict.ADVANCE | Verdict.HOLD | Verdict.REPEAT:
                return


def _warn(event: str, session: StoredSession, claims: FullRefreshClaims) -> None:
    """Log for the operator. Ids are no secrets."""
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
