"""An account: what may be shown of it, and what a storage keeps besides."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from tokenpair.core.email import EmailAddress


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """An account. It holds no secret: an endpoint may return it.

    `version` rises with every change of roles; an access token with a lower one is stale.
    `profile` holds the app's own fields by name, in JSON types.
    """

    id: UUID
    email: EmailAddress
    created_at: datetime
    email_verified_at: datetime | None = None
    roles: frozenset[str] = frozenset()
    version: int = 0
    disabled_at: datetime | None = None
    profile: dict[str, Any] = field(default_factory=dict, repr=False)

    @property
    def is_enabled(self) -> bool:
        """May this user log in?"""
        return self.disabled_at is None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredUser:
    """A user and the hash of the password, for storages and log-in alone.

    The user is a field and not a base class, so that a `StoredUser` is never taken for a `User`.
    `password_hash` is None for an account without a password: no password opens it.
    """

    user: User
    password_hash: str | None = field(default=None, repr=False)
