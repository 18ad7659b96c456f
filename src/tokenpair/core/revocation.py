"""What the feed of revocations says, and a worker's copy of it.

An access token is verified without a look into the database. So whatever ends a session, or
changes what a user may do, is told to every worker, and kept in mind for as long as a token
could live that was issued before.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from tokenpair.core.claims import AccessClaims
from tokenpair.errors import SessionEnded, StaleToken

MARGIN = timedelta(minutes=5)
"""So much longer than an access token lives a revocation is kept, whatever clocks say."""

_ANY_VERSION = (0,)  # Made once: most requests ask for it.


@dataclass(frozen=True, slots=True, kw_only=True)
class Revocation:
    """One entry: the tokens of a session are dead, or those of a user before a version stale.

    `until` is when no such token can be alive any more, and `recorded_at` when it was written,
    both by the storage's clock.
    """

    session_id: UUID | None = None
    user_id: UUID | None = None
    min_version: int = 0
    recorded_at: datetime
    until: datetime

    @property
    def makes_sense(self) -> bool:
        """Does it revoke anything, for any time? No entry that we have written does not."""
        names_tokens = self.session_id is not None or (
            self.user_id is not None and self.min_version > 0
        )
        return names_tokens and self.until > self.recorded_at


class Revocations:
    """A worker's copy of all that is in force. Applying an entry twice is fine, in any order."""

    def __init__(self) -> None:
        # By the ids' numbers: a UUID hashes in Python, and each one that is kept makes the
        # garbage collector's rounds longer, which all requests wait for.
        self._ended: dict[int, datetime] = {}
        self._stale: dict[int, tuple[int, datetime]] = {}

    def __len__(self) -> int:
        return len(self._ended) + len(self._stale)

    def apply(self, entries: Iterable[Revocation]) -> list[Revocation]:
        """Take entries in; give those that say something new."""
        return [entry for entry in entries if self._apply(entry)]

    def _apply(self, entry: Revocation) -> bool:
        if entry.session_id is not None:
            session = entry.session_id.int
            is_new = session not in self._ended
            self._ended[session] = entry.until
            return is_new
        if entry.user_id is not None:
            user = entry.user_id.int
            known, until = self._stale.get(user, (0, entry.until))
            self._stale[user] = (max(known, entry.min_version), max(until, entry.until))
            return entry.min_version > known
        return False

    def forget(self, now: datetime) -> None:
        """Drop what is out of force at `now`, by the storage's clock."""
        for session in [each for each, until in self._ended.items() if until <= now]:
            del self._ended[session]
        for user in [each for each, (_, until) in self._stale.items() if until <= now]:
            del self._stale[user]

    def check(self, claims: AccessClaims) -> None:
        """Require that nothing has been revoked that `claims` stand on.

        Raises `SessionEnded` and `StaleToken`.
        """
        # Mostly there is nothing, and the ids have left the processor's caches since the last time.
        if self._ended and claims.session_id.int in self._ended:
            raise SessionEnded("revoked")
        if self._stale and claims.version < self._stale.get(claims.subject.int, _ANY_VERSION)[0]:
            raise StaleToken
