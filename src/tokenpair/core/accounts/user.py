"""An account: the part that an endpoint may return, and the rest, which only a storage reads."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Generic, TypeAlias, cast
from uuid import UUID

from typing_extensions import TypeVar

from tokenpair.core.accounts.email import EmailAddress

StoredProfile: TypeAlias = dict[str, Any]
P = TypeVar("P", default=StoredProfile)
Q = TypeVar("Q")


@dataclass(frozen=True, slots=True, kw_only=True)
class User(Generic[P]):
    """An account. It holds no secret: an endpoint may return it.

    `version` rises with every change of roles; an access token with a lower one is stale.
    `profile` holds the app's own fields: of a plain `User`, by name and in JSON types; of a
    `User[MyProfile]`, as an instance of the app's class.
    """

    id: UUID
    email: EmailAddress
    created_at: datetime
    email_verified_at: datetime | None = None
    roles: frozenset[str] = frozenset()
    version: int = 0
    disabled_at: datetime | None = None
    profile: P = field(default_factory=cast("Callable[[], P]", dict), repr=False)

    @property
    def is_enabled(self) -> bool:
        """May this user log in?"""
        return self.disabled_at is None

    def with_profile(self, profile: Q) -> "User[Q]":
        """Return the same account with another profile, of any type."""
        return cast("User[Q]", replace(cast("User[Any]", self), profile=profile))


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredUser:
    """A user and the hash of the password, for storages and log-in alone.

    The user is a field and not a base class, so that a `StoredUser` is never taken for a `User`.
    `password_hash` is None for an account without a password: no password opens it.
    `credential_version` rises when a password is set, changed or reset, and not when it is hashed
    again: mails sent before lose their links.
    """

    user: User
    password_hash: str | None = field(default=None, repr=False)
    credential_version: int = 0
