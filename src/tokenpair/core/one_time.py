"""One-time tokens, which mails carry: bound to a user, a purpose and an address.

Storages keep only the SHA-256 of a token's secret. That is enough for 256 random bits (OWASP ASVS
5.0, 6.5.2). The token names its user, so that each statement about it can, too.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum
from hashlib import sha256
from typing import Any
from uuid import UUID

from tokenpair.core.tokens.encoding import base64url, from_base64url
from tokenpair.errors import MailTokenInvalid

SECRET_BYTES = 32
"""Number of random bytes in a token."""

TOKEN_KEPT = timedelta(hours=1)
"""How long a token is kept after it has expired: another worker's clock may be behind."""

_ID_BYTES = 16
_TEXT_LENGTH = (_ID_BYTES + SECRET_BYTES) * 4 // 3


class Purpose(Enum):
    """What a one-time token is for."""

    VERIFY_EMAIL = "verify_email"
    RESET_PASSWORD = "reset_password"  # noqa: S105  A purpose, no password.
    CHANGE_EMAIL = "change_email"
    INVITATION = "invitation"

    @property
    def lifetime(self) -> timedelta:
        """How long a token of this purpose is valid."""
        return _LIFETIMES[self]


_LIFETIMES = {
    Purpose.VERIFY_EMAIL: timedelta(hours=24),
    Purpose.RESET_PASSWORD: timedelta(minutes=30),
    Purpose.CHANGE_EMAIL: timedelta(hours=1),
    Purpose.INVITATION: timedelta(days=7),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredOneTimeToken:
    """What a storage keeps of a token. It has no secret.

    `user_id` is `invitation_id` of the address if the purpose is an invitation. `address` is the
    e-mail address that the token was sent to, as it was typed. A reset and a change of address are
    valid only while `credential_version` is the user's.
    """

    user_id: UUID
    purpose: Purpose
    token_hash: bytes
    address: str
    credential_version: int | None = None
    data: dict[str, Any] = field(default_factory=dict, repr=False)
    created_at: datetime
    expires_at: datetime


def new_token(
    purpose: Purpose,
    user_id: UUID,
    address: str,
    now: datetime,
    random: Callable[[int], bytes],
    *,
    credential_version: int | None = None,
    data: dict[str, Any] | None = None,
) -> tuple[str, StoredOneTimeToken]:
    """Return a new token's text, of 64 characters, and what a storage keeps of it."""
    secret = random(SECRET_BYTES)
    stored = StoredOneTimeToken(
        user_id=user_id,
        purpose=purpose,
        token_hash=sha256(secret).digest(),
        address=address,
        credential_version=credential_version,
        data=data or {},
        created_at=now,
        expires_at=now + purpose.lifetime,
    )
    return base64url(user_id.bytes + secret), stored


def parse(text: str) -> tuple[UUID, bytes]:
    """Return the user's id and the hash of a token's secret. Raises `MailTokenInvalid`."""
    if len(text) != _TEXT_LENGTH:
        raise MailTokenInvalid(f"not {_TEXT_LENGTH} characters long")
    try:
        raw = from_base64url(text)
    except ValueError as exc:
        raise MailTokenInvalid(str(exc)) from None
    return UUID(bytes=raw[:_ID_BYTES]), sha256(raw[_ID_BYTES:]).digest()
