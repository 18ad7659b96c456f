"""What can happen to an account."""

from dataclasses import dataclass
from enum import Enum
from uuid import UUID

from tokenpair.core.accounts.user import User
from tokenpair.core.events import HookedEvent, RecordedEvent, RevokedTokens
from tokenpair.core.sessions.revocation import ALL_VERSIONS


@dataclass(frozen=True, slots=True, kw_only=True)
class UserCreated(HookedEvent):
    """There is a new account: the base class of the events that tell how it was made."""

    user: User


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedUp(UserCreated):
    """A user has made an account. `SignUp` records it beside the new row."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InvitationAccepted(UserCreated):
    """An invited user has made an account. `AcceptInvitation` records it beside the new row."""


class PasswordChange(Enum):
    """How a password was replaced."""

    CHANGED = "changed"  # By the user, who knew the old one.
    RESET = "reset"  # By the user, with a token from a mail.
    SET = "set"  # By the app or an operator.


@dataclass(frozen=True, slots=True, kw_only=True)
class PasswordChanged(RecordedEvent):
    """A user has another password. A rehash of the same password records nothing."""

    user_id: UUID
    reason: PasswordChange


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileChanged(HookedEvent):
    """A user's profile was replaced. `UpdateProfile` records it beside the new profile."""

    user_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class AddressChanged(HookedEvent):
    """A user has another e-mail address, which is verified. It is recorded beside the new one."""

    user_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class UserDeleted(HookedEvent):
    """A user is being deleted: all their access tokens are revoked.

    It is recorded while the user's row is still there. The row is deleted afterwards, in the same
    unit of work.
    """

    user_id: UUID

    @property
    def revokes(self) -> RevokedTokens:
        """All access tokens of the user, of any session."""
        return {"user_id": self.user_id, "min_version": ALL_VERSIONS}


@dataclass(frozen=True, slots=True, kw_only=True)
class EmailVerified(RecordedEvent):
    """A user has verified the address: access tokens with a version below `version` are stale.

    `Users.set_email_verified` records it.
    """

    user_id: UUID
    version: int

    @property
    def revokes(self) -> RevokedTokens:
        """The user's access tokens with a lower version."""
        return {"user_id": self.user_id, "min_version": self.version}
