"""The statement that renews a session: `RENEW` does what `rule.judge` decides.

It matches the row for the verdicts *advance*, *hold* and *repeat*. For the other three it matches
no row and changes nothing. It bypasses SQLAlchemy, because renewals are the library's most frequent
write. SQLite runs `RENEW`, and PostgreSQL the same text but for the names of what it returns.

`postgres.statements` makes a second statement of the same `CHANGES` and `CONDITION`, for many
tokens at once.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Protocol

from tokenpair.core.sessions.rule import SessionState, Windows
from tokenpair.core.tokens.claims import FullRefreshClaims
from tokenpair.stores.sql.session_state import RETURNING

_GEN = "CAST(:gen AS BIGINT)"  # PostgreSQL would infer 32 bits.
_ADVANCING = f"s.head <> :jti AND (s.generation < {_GEN} - 1 OR s.rotated_at < :rotate_before)"

CHANGES = f"""
  previous   = CASE WHEN {_ADVANCING} THEN :parent ELSE s.previous   END,
  generation = CASE WHEN {_ADVANCING} THEN {_GEN}  ELSE s.generation END,
  rotated_at = CASE WHEN {_ADVANCING} THEN :now    ELSE s.rotated_at END,
  head       = CASE WHEN {_ADVANCING} THEN :jti    ELSE s.head       END,
  seen_at    = :now"""
"""What a renewal sets in the session `s`. Each `:name` is a parameter."""

# The condition is the lock: of two concurrent updates, the second sees what the first has written.
CONDITION = f"""
      s.user_id = :sub AND s.id = :sid AND s.secret_hash = :secret_hash
  AND s.ended_at IS NULL AND s.expires_at > :now
  AND u.id = s.user_id AND u.disabled_at IS NULL
  AND (   (s.generation = {_GEN}     AND s.head = :jti AND NOT :strict)  -- repeat
       OR (s.generation = {_GEN} - 1 AND s.head = :parent)               -- advance or hold
       OR  s.generation < {_GEN} - 1)                                    -- the row is behind"""
"""Which session `s` of which user `u` a renewal changes."""


def renewing(returning: str) -> str:
    """Return the statement that renews one session and returns these columns."""
    return f"""
UPDATE tokenpair_session AS s SET {CHANGES}
FROM tokenpair_user AS u
WHERE {CONDITION}
RETURNING {returning}
"""  # noqa: S608  Contains only our own constants.


RENEW = renewing(RETURNING)
"""The statement on SQLite."""

_END_OF_TIME = datetime.max.replace(tzinfo=UTC)


def spelled(text: str, spell: Callable[[str], str]) -> str:
    """Return a text with `spell(name)` instead of each parameter `:name`."""
    return re.sub(r"(?<!:):(\w+)", lambda found: spell(found[1]), text)


def rotate_before(now: datetime, windows: Windows) -> datetime:
    """Return the time before which a head must have been accepted so that `now` can replace it.

    With strict windows, the end of time: every head can be replaced.
    """
    return _END_OF_TIME if windows.strict else now - windows.superseded


class Renewals(Protocol):
    """Runs `RENEW`; one class for each database engine."""

    async def renew(
        self, token: FullRefreshClaims, now: datetime, windows: Windows
    ) -> SessionState | None:
        """As `ports.Storage.renew`."""
        ...

    async def close(self) -> None:
        """Close every connection."""
        ...
