"""What the feed of revocations says, and a worker's copy of it.

An access token is verified without a look into the database. So whatever ends a session, or
changes what a user may do, is told to every worker, and kept in mind for as long as a token
could live that was issued before.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypedDict
from uuid import UUID

from tokenpair.core import events
from tokenpair.core.tokens.claims import AccessClaims
from tokenpair.core.tokens.lifetimes import ACCESS
from tokenpair.errors import SessionEnded, StaleToken

MARGIN = timedelta(minutes=5)
"""What is added to the longest access lifetime in use, to get how long a revocation is in force."""

KEPT = timedelta(days=1)
"""How long a revocation stays in the storage after it was in force.

As far as the storage's clock may be wrong, when a revocation is recorded or when it is read: an
hour ahead or behind must bring no token back to life.
"""

UNKNOWN_ACCESS = timedelta(days=1)
"""What counts as the longest access lifetime where no worker has told its own."""

POLL = timedelta(milliseconds=250)
"""Longest pause between two polls of the feed, by default."""

SQLITE_POLL = timedelta(milliseconds=50)
"""As `POLL`, on SQLite, which has no wake-ups."""

MAX_STALENESS = timedelta(seconds=5)
"""Greatest age at which a worker still uses its copy of the revocations, by default."""

_ANY_VERSION = (0,)  # Made once: most requests ask for it.


@dataclass(frozen=True, slots=True, kw_only=True)
class Revocation:
    """One entry: the tokens of a session are dead, or those of a user before a version stale.

    `recorded_at` is when it was written, and `until` the last moment at which such a token may be
    alive: the longest access lifetime in use and `MARGIN` later. Both are by the storage's clock.
    """

    session_id: UUID | None = None
    user_id: UUID | None = None
    min_version: int = 0
    recorded_at: datetime
    until: datetime

    @property
    def is_valid(self) -> bool:
        """Does it name tokens, and end after it was recorded? Every entry of ours does."""
        names_tokens = self.session_id is not None or (
            self.user_id is not None and self.min_version > 0
        )
        return names_tokens and self.until > self.recorded_at


class RevokedTokens(TypedDict, total=False):
    """The fields of a `Revocation` that name its tokens."""

    session_id: UUID
    user_id: UUID
    min_version: int


def revoked_by(event: events.RecordedEvent) -> RevokedTokens | None:
    """Return the tokens that an event revokes, or None."""
    match event:
        case events.SessionEnded():
            return {"session_id": event.session_id}
        case events.RolesChanged():
            return {"user_id": event.user_id, "min_version": event.version}
        case events.SessionOpened():
            return None


class Revocations:
    """A worker's copy of all that is in force. Applying an entry twice is fine, in any order.

    `lasting` is how long an entry must be remembered after the worker has learned of it: the
    longest life of any token that the worker accepts, and `MARGIN`.
    """

    def __init__(self, lasting: timedelta = ACCESS + MARGIN) -> None:
        self._lasting_seconds = lasting.total_seconds()
        # By the ids' numbers: a UUID hashes in Python. Each value ends with `until`, and with when
        # the entry was learned, by the monotonic clock. It is a plain tuple, which the garbage
        # collector leaves alone: objects would make its rounds longer, which all requests wait for.
        self._ended: dict[int, tuple[datetime, float]] = {}
        self._stale: dict[int, tuple[int, datetime, float]] = {}

    def __len__(self) -> int:
        return len(self._ended) + len(self._stale)

    def apply(self, entries: Iterable[Revocation], *, at: float) -> list[Revocation]:
        """Take entries in; return those that say something new.

        `at` is the moment, in seconds by the worker's monotonic clock.
        """
        return [entry for entry in entries if self._apply(entry, at)]

    def _apply(self, entry: Revocation, at: float) -> bool:
        if entry.session_id is not None:
            session = entry.session_id.int
            is_new = session not in self._ended
            until, learned = self._ended.get(session, (entry.until, at))
            self._ended[session] = (max(until, entry.until), learned)
            return is_new
        if entry.user_id is not None:
            user = entry.user_id.int
            known, until, learned = self._stale.get(user, (0, entry.until, at))
            is_new = entry.min_version > known
            self._stale[user] = (
                max(known, entry.min_version),
                max(until, entry.until),
                at if is_new else learned,
            )
            return is_new
        return False

    def forget(self, now: datetime, *, at: float) -> None:
        """Drop what is out of force at `now`, by the storage's clock, and was learned long ago.

        The storage's clock alone decides nothing: it may be wrong for a moment. `at` is the
        moment by the worker's monotonic clock, which no operator and no time server sets.
        """
        learned_by = at - self._lasting_seconds

        def is_over(until: datetime, learned: float) -> bool:
            return learned <= learned_by and until <= now

        for session in [each for each, term in self._ended.items() if is_over(*term)]:
            del self._ended[session]
        for user in [
            each for each, (_, until, learned) in self._stale.items() if is_over(until, learned)
        ]:
            del self._stale[user]

    def require_unrevoked(self, claims: AccessClaims) -> None:
        """Require that nothing has been revoked that `claims` stand on.

        Raises `SessionEnded` and `StaleToken`.
        """
        # Mostly there is nothing, and the ids have left the processor's caches since the last time.
        if self._ended and claims.session_id.int in self._ended:
            raise SessionEnded("revoked")
        if self._stale and claims.version < self._stale.get(claims.subject.int, _ANY_VERSION)[0]:
            raise StaleToken
