"""The storage, as a port: units of work, renewals and the feed."""

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from tokenpair.core.events import RecordedEvent
from tokenpair.core.health import Health
from tokenpair.core.sessions.revocation import Revocation
from tokenpair.core.sessions.rule import SessionState, Windows
from tokenpair.core.tokens.claims import FullRefreshClaims
from tokenpair.ports.accounts import Users
from tokenpair.ports.feed import FeedPage, FeedPosition
from tokenpair.ports.sessions import Sessions


class UnitOfWork(Protocol):
    """Everything that can be read or changed together."""

    @property
    def users(self) -> Users:
        """The accounts."""
        ...

    @property
    def sessions(self) -> Sessions:
        """The sessions."""
        ...

    async def record(self, *events: RecordedEvent) -> None:
        """Record what has happened.

        `Sessions.end`, `Sessions.end_all` and `Users.set_roles` record by themselves, so that no
        caller can forget it. Where an event revokes tokens (`revocation.revoked_by`), the entry
        of the feed is written here and nowhere else, in the same transaction.
        """
        ...

    @property
    def recorded(self) -> Sequence[RecordedEvent]:
        """The events that have been recorded so far, in order. For `Auth`, after the commit."""
        ...


class Storage(Protocol):
    """Where users and sessions are kept.

    Every method raises `Unavailable` when the place cannot be reached.
    """

    @property
    def is_private(self) -> bool:
        """Can no other process write to it? Then nothing need be polled."""
        ...

    async def open(self, *, migrate: bool, access: timedelta | None = None) -> None:
        """Connect, and see that the tables are the ones this version needs.

        With `migrate`, bring them up to date; without, raise `ConfigurationError` when they
        are not. Several workers may open at once.

        `access` is how long the access tokens live that the caller will issue. The longest that
        was ever given is kept in the storage, and the next `open` with a shorter one, here or
        elsewhere, does not lower it: each revocation is in force for the longest and
        `revocation.MARGIN`. None issues no tokens, and changes nothing.
        """
        ...

    async def close(self) -> None:
        """Let go of every connection. Closing twice is fine."""
        ...

    def begin(self) -> AbstractAsyncContextManager[UnitOfWork]:
        """Open a unit of work: all of it happens, durably, or nothing does.

        It commits when the block ends, and rolls back when the block raises. So a decision
        that must survive an error is committed first: leave the block, then raise.
        """
        ...

    def reading(self) -> AbstractAsyncContextManager[UnitOfWork]:
        """Open a look at what is committed; writing and locking in it are a mistake."""
        ...

    async def renew(
        self, token: FullRefreshClaims, now: datetime, windows: Windows
    ) -> SessionState | None:
        """Carry out *advance*, *hold* or *repeat* of `rule.judge` in one atomic write.

        Durable when it returns. None when the verdict is any other: then nothing changed.
        Of many calls at once, each sees the others' finished work. `SessionState.head` tells
        *hold*: it is not the token's id. `SessionState.rotated_at` tells *advance*: it is `now`.
        """
        ...

    def listen(self, listener: Callable[[Sequence[Revocation]], None]) -> None:
        """Call `listener` after each commit with the entries of the feed that it has written.

        Once for each unit of work that has written any, in the order of `listen`. An error that a
        listener raises is logged: it stops neither other listeners nor the caller. A private
        storage also calls it at once, with all that is in force.
        """
        ...

    async def read_feed(self, position: FeedPosition | None, *, reload: bool = False) -> FeedPage:
        """Return what has been committed to the feed since `position`.

        Without a position, return all that may be in force, though the storage's clock may be
        wrong: what was in force `revocation.KEPT` ago. With `reload`, return besides the
        news all that is in force by the storage's clock: a safety net.

        Nothing that is committed is missed, in any order of commits; some of it may be returned
        twice.
        """
        ...

    async def session_state(
        self, user_id: UUID, session_id: UUID, now: datetime
    ) -> SessionState | None:
        """Return the user's session if it is live at `now` and the user enabled; else None."""
        ...

    async def prune(self, now: datetime, limit: int) -> int:
        """Remove what is long over, the oldest first; return how many rows went.

        Up to `limit` sessions that expired a day ago, as many that were ended a day ago, and as
        many revocations that have been out of force for `revocation.KEPT`: all by `now` and
        by the storage's own clock, so that neither clock alone removes anything. No other caller
        waits for longer than one such batch takes. While another worker prunes, nothing goes: 0.
        """
        ...

    async def health(self, now: datetime) -> Health:
        """Report its tables, and whether its clock agrees with `now`.

        Leaves `Health.feed` unknown: a storage does not know it. Raises `Unavailable` when it
        cannot be reached, as every method does.
        """
        ...
