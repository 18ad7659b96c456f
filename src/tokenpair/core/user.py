"""A stored account."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from tokenpair.core.email import EmailAddress


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A stored account.

    `password_hash` is None for an account without a password: no password opens it.
    `version` rises with every change of roles; an access token with a lower one is stale.
    `profile` holds the app's own fields, as its schema has validated them.
    """

    id: UUID
    email: EmailAddress
    password_hash: str | None = field(repr=False)
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
