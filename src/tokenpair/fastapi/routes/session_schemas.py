"""The bodies that come in and go out."""

from datetime import datetime
from typing import Annotated, ClassVar, Self
from uuid import UUID

from fastapi import Response
from pydantic import BaseModel, ConfigDict, Field

from tokenpair.core.accounts.password_policy import MAX_PASSWORD_LENGTH
from tokenpair.core.accounts.user import User
from tokenpair.core.sessions.mint import TokenPair
from tokenpair.core.sessions.rule import Session
from tokenpair.fastapi.text import Text

# Longer than an address can be (RFC 5321 §4.5.3.1.3).
Email = Annotated[
    Text, Field(max_length=320, json_schema_extra={"format": "email"}, examples=["ada@example.com"])
]
Password = Annotated[
    Text,
    Field(max_length=MAX_PASSWORD_LENGTH, repr=False, examples=["correct horse battery staple"]),
]


class Credentials(BaseModel):
    """What a person types to log in."""

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    email: Email
    password: Password


class Pair(BaseModel):
    """An access token and a refresh token; times in seconds.

    The refresh token may be the very one that was presented: store whatever you get.
    """

    access_token: str = Field(repr=False)
    refresh_token: str = Field(repr=False)
    token_type: str = "Bearer"  # noqa: S105  The kind of token (RFC 6749 §7.1).
    expires_in: int
    refresh_expires_in: int


def pair_response(pair: TokenPair) -> Response:
    """Write a pair down, as `Pair` describes it. Tokens are plain ASCII."""
    return Response(
        f'{{"access_token":"{pair.access_token}","refresh_token":"{pair.refresh_token}",'
        f'"token_type":"Bearer","expires_in":{int(pair.expires_in.total_seconds())},'
        f'"refresh_expires_in":{int(pair.refresh_expires_in.total_seconds())}}}',
        media_type="application/json",
        headers={"Cache-Control": "no-store"},
    )


class UserBase(BaseModel):
    """What every account has."""

    id: UUID
    email: str = Field(json_schema_extra={"format": "email"})
    email_verified: bool
    roles: list[str]
    created_at: datetime

    @classmethod
    def of(cls, user: User) -> Self:
        """Write an account down."""
        return cls(
            id=user.id,
            email=user.email.typed,
            email_verified=user.email_verified_at is not None,
            roles=sorted(user.roles),
            created_at=user.created_at,
        )


class SessionInfo(BaseModel):
    """One log-in on one device; `current` marks the one that asks."""

    id: UUID
    created_at: datetime
    seen_at: datetime
    expires_at: datetime
    user_agent: str | None
    ip: str | None
    current: bool

    @classmethod
    def of(cls, session: Session, *, current: UUID) -> Self:
        """Write a session down."""
        return cls(
            id=session.id,
            created_at=session.created_at,
            seen_at=session.seen_at,
            expires_at=session.expires_at,
            user_agent=session.user_agent,
            ip=session.ip,
            current=session.id == current,
        )
