"""Port of the storage: units of work, renewals and the feed of revocations."""

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Protocol
from uuid import UUID

from tokenpair.core.events import RecordedEvent
from tokenpair.core.health import Health
from tokenpair.core.sessions.revocation import Revocation
from tokenpair.core.sessions.rule import SessionState, Windows
from tokenpair.core.tokens.claims import FullRefreshClaims
from tokenpair.ports.accounts import Users
from tokenpair.ports.export import Export
from tokenpair.ports.feed import FeedPage, FeedPosition
from tokenpair.ports.limits import LimitCounters
from tokenpair.ports.one_time import OneTimeTokens
from tokenpair.ports.outbox import Outbox
from tokenpair.ports.sessions import Sessions

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection


class UnitOfWork(Protocol):
    """What can be read or changed together, in one transaction."""

    @property
    def users(self) -> Users:
        """The accounts."""
        ...

    @property
    def sessions(self) -> Sessions:
        """The sessions."""
        ...

    @property
    def one_time(self) -> OneTimeTokens:
        """The tokens that mails carry."""
        ...

    @property
    def outbox(self) -> Outbox:
        """The mails that wait to be sent."""
        ...

    @property
    def export(self) -> Export:
        """What is stored about one user."""
        ...

    @property
    def connection(self) -> "AsyncConnection | None":
        """The connection of the transaction, for an app's own tables; None without a database.

        Its transaction belongs to the unit of work: do not commit it, and do not roll it back.
        """
        ...

    async def record(self, *events: RecordedEvent) -> None:
        """Record what has happened.

        `Sessions.end`, `Sessions.end_all` and `Users.set_roles` call this themselves, so that no
        caller can forget it. If an event revokes tokens (`event.revokes`), this method,
        and no other, writes the entry of the feed, in the same transaction.
        """
        ...

    @property
    def recorded(self) -> Sequence[RecordedEvent]:
        """Events recorded until now, in order. `Auth` reads them after the commit."""
        ...


class Storage(Protocol):
    """Stores users and sessions.

    Every method raises `Unavailable` when the storage cannot be reached.
    """

    @property
    def is_private(self) -> bool:
        """Is it used by this process alone? Then its feed is not polled."""
        ...

    @property
    def limits(self) -> LimitCounters:
        """The counters of rate limits. They are no part of a unit of work."""
        ...

    async def open(self, *, migrate: bool, access: timedelta | None = None) -> None:
        """Connect, and make sure that the tables are those that this version needs.

        With `migrate`, bring them up to date; without it, raise `ConfigurationError` when they
        are not. Several workers may open at the same time.

        `access` is the lifetime of the access tokens that the caller issues, None if it issues
        none. Keep the longest that any worker has passed: each revocation is in force for that
        time and `revocation.MARGIN`. A shorter one never lowers it.
        """
        ...

    async def close(self) -> None:
        """Close every connection. A second call does nothing. It may be opened again."""
        ...

    def begin(self) -> AbstractAsyncContextManager[UnitOfWork]:
        """Open a unit of work: all of it is stored durably, or nothing.

        It commits when the block ends, and rolls back when the block raises. To keep a decision
        in spite of an error, leave the block first, then raise.
        """
        ...

    def reading(self) -> AbstractAsyncContextManager[UnitOfWork]:
        """Open a unit of work that only reads what is committed. It must not write or lock."""
        ...

    async def renew(
        self, token: FullRefreshClaims, now: datetime, windows: Windows
    ) -> SessionState | None:
        """Carry out *advance*, *hold* or *repeat* of `rule.judge` in one atomic write.

        The session is the one with the user id `token.subject` and the id `token.session_id`. The
        write is durable when this returns. For any other verdict return None and change nothing.
        Of several calls at the same time, each acts on what the one before has written.

        The result tells the verdict: after *hold*, `head` is not the token's id; after *advance*,
        `rotated_at` is `now`.
        """
        ...

    def listen(self, listener: Callable[[Sequence[Revocation]], None]) -> None:
        """Call `listener` after each commit with the entries that it has added to the feed.

        It is called once for each unit of work that has added any; several listeners are called in
        the order of `listen`. Log an error that a listener raises, and go on. A private storage
        also calls `listener` immediately, with all entries that are in force.
        """
        ...

    async def read_feed(self, position: FeedPosition | None, *, reload: bool = False) -> FeedPage:
        """Return the entries that have been committed to the feed since `position`.

        Without a position, return every entry that was in force `revocation.KEPT` ago or later:
        all that can be in force now, even if the storage's clock is wrong. With `reload`, also
        return every entry that is in force by the storage's clock.

        Return each committed entry at least once, also when transactions commit out of order.
        """
        ...

    async def session_state(
        self, user_id: UUID, session_id: UUID, now: datetime
    ) -> SessionState | None:
        """Return the session if it is live at `now` and its user is enabled, or None."""
        ...

    async def prune(self, now: datetime, limit: int) -> int:
        """Remove rows that are no longer needed, the oldest first; return their number.

        These are up to `limit` sessions that expired more than a day ago, up to `limit` that were
        ended more than a day ago, up to `limit` one-time tokens that expired more than
        `one_time.TOKEN_KEPT` ago, up to `limit` mails that have been due for `mail.OUTBOX_KEPT` and
        are not claimed, up to `limit` revocations that have been out of force for
        `revocation.KEPT`, and up to `limit` counters of rate limits that ended more than
        `limits.COUNTER_KEPT` ago. Both `now` and the storage's own clock must say so. Leave out
        sessions that are locked. Return 0 while another worker prunes.
        """
        ...

    async def health(self, now: datetime) -> Health:
        """Report whether the tables are up to date and the storage's clock agrees with `now`.

        Leave `Health.feed` unknown: the worker's copy of the feed reports it.
        """
        ...
