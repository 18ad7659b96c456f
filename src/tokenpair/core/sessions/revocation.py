"""The entries of the feed of revocations, and a worker's copy of them.

An access token is verified without reading the database. Every worker therefore learns when a
session ends or a user's roles change, and remembers it until all tokens issued before have expired.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from tokenpair.core.tokens.claims import AccessClaims
from tokenpair.core.tokens.lifetimes import ACCESS
from tokenpair.errors import SessionEnded, StaleToken

MARGIN = timedelta(minutes=5)
"""Time that a revocation stays in force beyond the longest access lifetime in use."""

KEPT = timedelta(days=1)
"""Time that a revocation stays in the storage after it was in force.

The storage's clock may be wrong by this much when an entry is recorded or read: a clock that is an
hour ahead or behind must not revive a token.
"""

UNKNOWN_ACCESS = timedelta(days=1)
"""Longest access lifetime that is assumed where no worker has recorded its own."""

POLL = timedelta(milliseconds=250)
"""Longest pause between two polls of the feed, by default."""

SQLITE_POLL = timedelta(milliseconds=50)
"""As `POLL`, on SQLite, which has no wake-ups."""

MAX_STALENESS = timedelta(seconds=5)
"""Greatest age at which a worker still uses its copy of the revocations, by default."""

ALL_VERSIONS = 2**31 - 1
"""The `min_version` that revokes every access token of a user: the user was deleted.

It is the largest integer of the storage's column, and no user has changed roles as often.
"""

_ANY_VERSION = (0,)  # Made once, because most requests need it.


@dataclass(frozen=True, slots=True, kw_only=True)
class Revocation:
    """One entry: a session's tokens are revoked, or a user's tokens below `min_version` are stale.

    With `ALL_VERSIONS`, the user was deleted, and all the user's tokens are revoked.
    `recorded_at` is when it was written, `until` the last moment at which such a token may be
    unexpired: the longest access lifetime in use and `MARGIN` later. Both are by the storage's
    clock.
    """

    session_id: UUID | None = None
    user_id: UUID | None = None
    min_version: int = 0
    recorded_at: datetime
    until: datetime


class Revocations:
    """A worker's copy of all that is in force. Entries may be applied twice, and in any order.

    `lasting` is the time that an entry is remembered after the worker has read it: the longest
    lifetime of a token that the worker accepts, and `MARGIN`.
    """

    def __init__(self, lasting: timedelta = ACCESS + MARGIN) -> None:
        self._lasting_seconds = lasting.total_seconds()
        # The keys are the ids' integers, because a UUID's hash is computed in Python. Each value
        # ends with `until` and the monotonic time at which the entry was read. Values are plain
        # tuples, which the garbage collector does not track: objects would make each collection
        # longer, and all requests wait for it.
        self._ended: dict[int, tuple[datetime, float]] = {}
        self._stale: dict[int, tuple[int, datetime, float]] = {}

    def __len__(self) -> int:
        return len(self._ended) + len(self._stale)

    def apply(self, entries: Iterable[Revocation], *, at: float) -> list[Revocation]:
        """Apply entries; return those that are new.

        `at` is the present in seconds by the worker's monotonic clock.
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
        """Drop the entries that are out of force at `now` and were read more than `lasting` ago.

        `now` is by the storage's clock, which may be wrong for a moment: it decides nothing alone.
        `at` is by the worker's monotonic clock, which no operator and no time server sets.
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
        """Require that neither the session of `claims` nor their version has been revoked.

        Raises `SessionEnded` and `StaleToken`.
        """
        # Usually both are empty, and reading the ids would miss the processor's caches.
        if self._ended and claims.session_id.int in self._ended:
            raise SessionEnded("revoked")
        if self._stale and claims.version < (
            needed := self._stale.get(claims.subject.int, _ANY_VERSION)[0]
        ):
            # A client renews a stale token, and a deleted user has nothing to renew.
            raise SessionEnded("the user was deleted") if needed == ALL_VERSIONS else StaleToken
