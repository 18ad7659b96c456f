"""What can happen, as typed events.

Two ways lead to the listeners. What changes a table is recorded in its unit of work, and reported
after the commit (`ports.UnitOfWork.record`). What changes none, or only renews, is passed to a
`Notify` by the flow.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import TypedDict
from uuid import UUID

from tokenpair.core.sessions.rule import EndReason


class LogInOutcome(Enum):
    """How a log-in ended.

    An unknown address, a wrong password and a disabled account have one outcome: different ones
    would tell every reader of the numbers what the response to the client hides.
    """

    SUCCEEDED = "succeeded"
    REFUSED = "refused"
    LIMITED = "limited"  # No password was compared.
    UNAVAILABLE = "unavailable"  # The database is unreachable, or too many log-ins wait.


class RenewalOutcome(Enum):
    """How a renewal ended: by a verdict of the rule, or before there was one."""

    ADVANCE = "advance"
    HOLD = "hold"
    REPEAT = "repeat"
    SUPERSEDED = "superseded"
    REPLAY = "replay"
    ENDED = "ended"
    FORGED = "forged"  # Signed with our key, without the session's secret: a signing key leaked.
    EXPIRED = "expired"  # The token expired; an expired session counts as *ended*.
    INVALID = "invalid"  # Not one of our refresh tokens.
    UNAVAILABLE = "unavailable"


class RevokedTokens(TypedDict, total=False):
    """Tokens that an event revokes: the fields of a `Revocation` that name them."""

    session_id: UUID
    user_id: UUID
    min_version: int


class Event:
    """The base class of all events, of which listeners are notified."""

    __slots__ = ()


class RecordedEvent(Event):
    """What a unit of work records: the base class of events that change a table."""

    __slots__ = ()

    @property
    def revokes(self) -> RevokedTokens | None:
        """Tokens that the event revokes, or None. The storage writes a revocation for them."""
        return None


class HookedEvent(RecordedEvent):
    """What an app's hook may take part in: the base class of events that a hook may refuse.

    No event that ends or restricts is one: a hook that raises would roll the ending back. It is
    recorded after the flow's own change, while the user's row is in the table.
    """

    __slots__ = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionOpened(RecordedEvent):
    """A user has logged in. `OpenSession` records it beside the new session."""

    user_id: UUID
    session_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Reauthenticated(RecordedEvent):
    """A user has given the password again in a session. `Reauthenticate` records it."""

    user_id: UUID
    session_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionEnded(RecordedEvent):
    """A session has ended before its time: its tokens are revoked.

    `Sessions.end` and `Sessions.end_all` record one for each session that they end.
    """

    user_id: UUID
    session_id: UUID
    reason: EndReason

    @property
    def revokes(self) -> RevokedTokens:
        """All tokens of the session."""
        return {"session_id": self.session_id}


@dataclass(frozen=True, slots=True, kw_only=True)
class RolesChanged(RecordedEvent):
    """A user has other roles: access tokens with a version below `version` are stale.

    `Users.set_roles` records it.
    """

    user_id: UUID
    version: int

    @property
    def revokes(self) -> RevokedTokens:
        """The user's access tokens with a lower version."""
        return {"user_id": self.user_id, "min_version": self.version}


@dataclass(frozen=True, slots=True, kw_only=True)
class LogInFailed(Event):
    """A log-in has opened no session. `outcome` is not *succeeded*."""

    outcome: LogInOutcome


@dataclass(frozen=True, slots=True, kw_only=True)
class RenewalAttempted(Event):
    """A renewal has ended, in a new pair or in an error."""

    outcome: RenewalOutcome


Notify = Callable[[Event], None]
"""Tells the listeners of an event that no unit of work records."""
