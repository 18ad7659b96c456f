"""The one statement. `rule.judge` is the rule; this carries out its successes.

Of the six verdicts, *advance*, *hold* and *repeat* match the row; for the others nothing
matches, and nothing changes. One text for SQLite and PostgreSQL: SQLite's RETURNING may name
only the updated table, hence the sub-selects. It goes to the drivers themselves, for it is the
hot path of the whole library.
"""

from datetime import UTC, datetime
from typing import Protocol

from tokenpair.core.sessions.rule import SessionState, Windows
from tokenpair.core.tokens.claims import FullRefreshClaims
from tokenpair.stores.sql.session_state import RETURNING

_GEN = "CAST(:gen AS BIGINT)"  # Else PostgreSQL would take it for 32 bits.
_ADVANCING = f"s.head <> :jti AND (s.generation < {_GEN} - 1 OR s.rotated_at < :rotate_before)"

RENEW = f"""
UPDATE tokenpair_session AS s SET
  previous   = CASE WHEN {_ADVANCING} THEN :parent ELSE s.previous   END,
  generation = CASE WHEN {_ADVANCING} THEN {_GEN}  ELSE s.generation END,
  rotated_at = CASE WHEN {_ADVANCING} THEN :now    ELSE s.rotated_at END,
  head       = CASE WHEN {_ADVANCING} THEN :jti    ELSE s.head       END,
  seen_at    = :now
FROM tokenpair_user AS u
-- The WHERE is the lock: of two racing updates the second sees what the first has written.
WHERE s.id = :sid AND s.user_id = :sub AND s.secret_hash = :secret_hash
  AND s.ended_at IS NULL AND s.expires_at > :now
  AND u.id = s.user_id AND u.disabled_at IS NULL
  AND (   (s.generation = {_GEN}     AND s.head = :jti AND NOT :strict)  -- repeat
       OR (s.generation = {_GEN} - 1 AND s.head = :parent)               -- advance or hold
       OR  s.generation < {_GEN} - 1)                                    -- the row is behind
RETURNING {RETURNING}
"""  # noqa: S608  Only our own constants are pasted in.

_END_OF_TIME = datetime.max.replace(tzinfo=UTC)


def rotate_before(now: datetime, windows: Windows) -> datetime:
    """Give the moment before which a head must have been accepted to give way at `now`.

    Strict: every head gives way.
    """
    return _END_OF_TIME if windows.strict else now - windows.superseded


class Renewals(Protocol):
    """What carries RENEW out: one class for each database."""

    async def renew(
        self, token: FullRefreshClaims, now: datetime, windows: Windows
    ) -> SessionState | None:
        """As `ports.Storage.renew`."""
        ...

    async def close(self) -> None:
        """Let go of every connection."""
        ...
