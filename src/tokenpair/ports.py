"""What the flows need from the outside world. Read this page before writing an adapter.

An adapter is any class with these methods; there is nothing to inherit. `tokenpair.store_contract`
has the contract suite that a storage must pass.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol, TypeVar
from uuid import UUID

from tokenpair.core.claims import AccessClaims, FullRefreshClaims
from tokenpair.core.email import EmailAddress
from tokenpair.core.health import Health
from tokenpair.core.revocation import Revocation
from tokenpair.core.session import EndReason, Session, Standing, StoredSession, Windows
from tokenpair.core.user import StoredUser, User

T = TypeVar("T")


class Clock(Protocol):
    """What time it is."""

    def __call__(self) -> datetime:
        """Give the present moment, aware of its time zone (UTC)."""
        ...


class Users(Protocol):
    """The accounts, inside a unit of work."""

    async def add(self, user: StoredUser) -> None:
        """Store a new user.

        Raises `EmailTaken` when another user has this canonical address, also when both are
        added at the same moment: the store's own uniqueness decides, not a look beforehand.
        """
        ...

    async def get(self, user_id: UUID) -> User | None:
        """Give the user, or None."""
        ...

    async def lock(self, user_id: UUID) -> StoredUser | None:
        """Return the user as committed now, locked until the unit of work ends.

        Until then any other unit of work that locks or changes the user waits.
        """
        ...

    async def by_email(self, email: EmailAddress) -> StoredUser | None:
        """Return the user with this canonical address, or None."""
        ...

    async def list(self, *, limit: int) -> list[User]:
        """Give the newest users, newest first."""
        ...

    async def set_password_hash(self, user_id: UUID, password_hash: str, *, replacing: str) -> bool:
        """Replace the password's hash if it still is `replacing`. Was it?"""
        ...

    async def set_profile(self, user_id: UUID, profile: dict[str, Any]) -> bool:
        """Replace the profile. Is there such a user?

        Lock the user first if the new profile depends on the old one.
        """
        ...

    async def set_roles(self, user_id: UUID, roles: frozenset[str]) -> bool:
        """Replace the roles. Is there such a user?

        A real change raises `version` by one, and is recorded in the feed.
        """
        ...

    async def set_disabled(self, user_id: UUID, at: datetime | None) -> bool:
        """Disable from `at`, or enable again with None. Is there such a user?

        The sessions are the flow's to end, in the same unit of work.
        """
        ...


class Sessions(Protocol):
    """The sessions, inside a unit of work. An ended session never lives again.

    Whatever ends one also records it in the feed, in the same unit of work.
    """

    async def add(self, session: StoredSession) -> None:
        """Store a new session. Its user's row should be locked: see `Users.lock`."""
        ...

    async def lock(self, session_id: UUID) -> tuple[StoredSession, User] | None:
        """Give the session and its user as committed now, and keep renewals out until the end.

        None for an unknown session, or one whose user is gone.
        """
        ...

    async def live(self, user_id: UUID, now: datetime) -> list[Session]:
        """Give the user's sessions that are live at `now`, newest first."""
        ...

    async def end(self, session_id: UUID, reason: EndReason, now: datetime) -> bool:
        """End the session. False when there is none, or it has ended already."""
        ...

    async def end_all(self, user_id: UUID, reason: EndReason, now: datetime) -> int:
        """End all sessions of the user that have not ended; give their number."""
        ...


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


FeedPosition = tuple[Any, ...]
"""How far a reader of the feed has come: the storage's own, to be handed back as it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedPage:
    """What is new in the feed, up to `position`; `now` is the time by the storage's clock."""

    entries: Sequence[Revocation]
    position: FeedPosition
    now: datetime


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
        `core.revocation.MARGIN`. None issues no tokens, and changes nothing.
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
    ) -> Standing | None:
        """Carry out *advance*, *hold* or *repeat* of `core.session.judge` in one atomic write.

        Durable when it returns. None when the verdict is any other: then nothing changed.
        Of many calls at once, each sees the others' finished work. `Standing.head` tells
        *hold*: it is not the token's id. `Standing.rotated_at` tells *advance*: it is `now`.
        """
        ...

    def listen(self, hear: Callable[[Sequence[Revocation]], None]) -> None:
        """Call `hear` with what this process records in the feed, as soon as it is committed.

        A private storage calls it at once, too, with all that is in force.
        """
        ...

    async def read_feed(self, position: FeedPosition | None, *, reload: bool = False) -> FeedPage:
        """Return what has been committed to the feed since `position`.

        Without a position, return all that may be in force, though the storage's clock may be
        wrong: what was in force `core.revocation.KEPT` ago. With `reload`, return besides the
        news all that is in force by the storage's clock: a safety net.

        Nothing that is committed is missed, in any order of commits; some of it may be returned
        twice.
        """
        ...

    async def standing(self, session_id: UUID, now: datetime) -> Standing | None:
        """Give the session if it is live at `now` and its user enabled; else None."""
        ...

    async def prune(self, now: datetime, limit: int) -> int:
        """Remove what is long over, the oldest first; return how many rows went.

        Up to `limit` sessions that expired a day ago, as many that were ended a day ago, and as
        many revocations that have been out of force for `core.revocation.KEPT`: all by `now` and
        by the storage's own clock, so that neither clock alone removes anything. No other caller
        waits for longer than one such batch takes. While another worker prunes, nothing goes: 0.
        """
        ...

    async def check(self, now: datetime) -> Health:
        """Say how it stands: its tables, and whether its clock agrees with `now`.

        All but `Health.feed`, which is not its own to know. Raises `Unavailable` when it does not
        answer, as every method does.
        """
        ...


class WakeUp(Protocol):
    """Tells other workers that there is news in the feed. Any telling may be lost."""

    async def wake(self) -> None:
        """Tell. Raises `Unavailable`."""
        ...

    def wakings(self) -> AsyncIterator[None]:
        """Yield once when listening has begun, and whenever somebody has told.

        Ends with `Unavailable`; then it may be asked anew.
        """
        ...

    async def close(self) -> None:
        """Let go of every connection. Twice is fine."""
        ...


class Watch(Protocol):
    """Knows what has been revoked, without looking it up."""

    def check(self, claims: AccessClaims) -> None:
        """Require that nothing has been revoked that a verified access token stands on.

        Raises `SessionEnded`, `StaleToken`, and `Unavailable` when that cannot be told.
        """
        ...

    async def catch_up(self) -> None:
        """Wait for a second at most, where waiting may help `check` to tell more."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """The answer of `PasswordHasher.verify`.

    `new_hash` is set when the password is right and its hash was made with other parameters
    than today's: keep it instead.
    """

    is_right: bool
    new_hash: str | None = None


class PasswordHasher(Protocol):
    """Turns passwords into hashes, off the event loop and bounded in number.

    All methods raise `Unavailable` when too many callers are waiting already.
    """

    @property
    def running(self) -> int:
        """How many passwords are being worked on; for whoever watches."""
        ...

    @property
    def waiting(self) -> int:
        """How many wait for it."""
        ...

    async def hash(self, password: str) -> str:
        """Hash a new password."""
        ...

    async def verify(self, password: str, password_hash: str | None) -> Verified:
        """Compare a password with a hash.

        None (no such account, or one without a password) and a hash in a form not ours are
        never right, and take the same work as a comparison.
        """
        ...

    async def in_turn(self, work: Callable[[], T]) -> T:
        """Do other costly work on a new password, off the event loop, such as an estimate.

        It is bounded in number too, and never takes a place that hashing needs: no number of
        sign-ups keeps others from logging in. Raises what the work raises.
        """
        ...
