"""The claims of a verified token: two kinds, typed, to and from a JWT's payload.

`from_payload` is the only way in from JSON. It accepts exactly the types that we write
(RFC 7519 §4.1 allows any JSON number as "exp"; we write whole seconds and accept nothing else).
So code that receives claims can trust every field.
"""

import re
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime, timedelta
from json.encoder import encode_basestring_ascii as _quoted
from typing import Any, ClassVar, Self
from uuid import UUID

from tokenpair.core.tokens.encoding import base64url, from_base64url
from tokenpair.errors import (
    EmailNotVerified,
    ExpiredToken,
    InvalidToken,
    ReauthenticationRequired,
)

Payload = dict[str, Any]
# What the parsers below raise.
_INVALID = (KeyError, TypeError, ValueError)

RECENT_LOGIN = timedelta(minutes=5)
"""Greatest age of a recent log-in, by default."""

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)
_TOKEN_ID = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)
# JSON parsers disagree about larger numbers (RFC 8259 §6).
_MAX_WHOLE = 2**53 - 1
# The last second that a datetime can hold. A larger "exp" would raise an OverflowError.
_MAX_SECONDS = int(datetime.max.replace(tzinfo=UTC).timestamp())


@dataclass(frozen=True, slots=True, kw_only=True)
class Claims:
    """The claims of both kinds: the user, the session, and how long the token is valid."""

    typ: ClassVar[str]

    subject: UUID
    session_id: UUID
    token_id: str
    issued_at: datetime
    expires_at: datetime
    not_before: datetime | None = None
    """Our tokens have no "nbf"; `check` enforces it if a token has one (RFC 7519 §4.1.5)."""

    def check(self, now: datetime) -> None:
        """Require that the token is valid at `now`: between "nbf" and "exp" (RFC 7519 §4.1).

        Raises `ExpiredToken` and `InvalidToken`.
        """
        if now >= self.expires_at:
            raise ExpiredToken(f"expired at {self.expires_at:%Y-%m-%dT%H:%M:%SZ}")
        if self.not_before is not None and now < self.not_before:
            raise InvalidToken(f"not valid before {self.not_before:%Y-%m-%dT%H:%M:%SZ}")

    def to_json(self) -> str:
        """Return the members of the JWT payload that differ from token to token, without braces.

        The codec adds "iss", "aud" and "client_id". Written by hand, because a JSON encoder would
        take longer than everything else except the signature.
        """
        return (
            f'"sub":"{self.subject}","sid":"{self.session_id}","jti":{_quoted(self.token_id)},'
            f'"iat":{int(self.issued_at.timestamp())},"exp":{int(self.expires_at.timestamp())}'
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessClaims(Claims):
    """The content of an access token (RFC 9068). It has no name and no e-mail address.

    `version` is the user's version when the token was issued. If the user's version is higher now,
    the token is stale. `authenticated_at` is when the user last proved who they are, in whole
    seconds. `amr` lists how (RFC 8176), such as "pwd". It is empty in tokens of sessions from
    before this claim. `email_verified` is whether the user's address was verified when the token
    was issued; a token without this claim counts as not verified.
    """

    typ = "at+jwt"

    roles: frozenset[str]
    version: int
    authenticated_at: datetime
    amr: frozenset[str] = frozenset()
    email_verified: bool = False

    def require_verified(self) -> None:
        """Require that the user's address is verified. Raises `EmailNotVerified`."""
        if not self.email_verified:
            raise EmailNotVerified

    def require_recent_login(self, now: datetime, max_age: timedelta = RECENT_LOGIN) -> None:
        """Require that the user has proved who they are within the last `max_age`.

        Raises `ReauthenticationRequired`.
        """
        if now - self.authenticated_at > max_age:
            raise ReauthenticationRequired(max_age=max_age)

    def to_json(self) -> str:
        """As `Claims.to_json`."""
        # `Claims` is named because super() fails: with slots, dataclass builds a new class.
        return (
            f'{Claims.to_json(self)},"roles":{_list(self.roles)},"ver":{self.version},'
            f'"auth_time":{int(self.authenticated_at.timestamp())}'
            + (f',"amr":{_list(self.amr)}' if self.amr else "")
            + (',"email_verified":true' if self.email_verified else ',"email_verified":false')
        )

    @classmethod
    def from_payload(cls, payload: Payload) -> Self:
        """Parse a verified payload. Raises `InvalidToken` for a missing or invalid claim."""
        try:
            return cls(
                **_common(payload),
                roles=_names(payload["roles"]),
                version=_whole(payload["ver"]),
                authenticated_at=_moment(payload["auth_time"]),
                amr=_names(payload["amr"]) if "amr" in payload else frozenset(),
                email_verified=_flag(payload.get("email_verified", False)),
            )
        except _INVALID as exc:
            raise InvalidToken("a claim is missing or invalid") from exc


@dataclass(frozen=True, slots=True, kw_only=True)
class RefreshClaims(Claims):
    """The content of a refresh token without its secret: an endpoint may return it.

    `parent` is the id of the token that this one was issued for, and `generation` the number of
    tokens before it in its session.
    """

    typ = "rt+jwt"

    parent: str
    generation: int


_PUBLIC_FIELDS = tuple(each.name for each in fields(RefreshClaims))


@dataclass(frozen=True, slots=True, kw_only=True)
class FullRefreshClaims(RefreshClaims):
    """The whole content of a refresh token, for the renewal rule and storages only.

    `secret` is the session's: 128 random bits. The storage knows only their hash.
    """

    secret: bytes = field(repr=False)

    @property
    def public(self) -> RefreshClaims:
        """The claims without the secret."""
        return RefreshClaims(**{name: getattr(self, name) for name in _PUBLIC_FIELDS})

    def to_json(self) -> str:
        """As `Claims.to_json`."""
        return (
            f'{Claims.to_json(self)},"parent":{_quoted(self.parent)},"gen":{self.generation},'
            f'"secret":"{base64url(self.secret)}"'
        )

    @classmethod
    def from_payload(cls, payload: Payload) -> Self:
        """Parse a verified payload. Raises `InvalidToken` for a missing or invalid claim."""
        try:
            return cls(
                **_common(payload),
                parent=_token_id(payload["parent"]),
                generation=_whole(payload["gen"]),
                secret=_bytes(payload["secret"]),
            )
        except _INVALID as exc:
            raise InvalidToken("a claim is missing or invalid") from exc


def _common(payload: Payload) -> dict[str, Any]:
    """Return the arguments for the fields of `Claims`."""
    return {
        "subject": _uuid(payload["sub"]),
        "session_id": _uuid(payload["sid"]),
        "token_id": _token_id(payload["jti"]),
        "issued_at": _moment(payload["iat"]),
        "expires_at": _moment(payload["exp"]),
        "not_before": _moment(payload["nbf"]) if "nbf" in payload else None,
    }


def _text(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise TypeError
    return value


def _token_id(value: object) -> str:
    if not _TOKEN_ID.fullmatch(text := _text(value)):
        raise ValueError
    return text


def _uuid(value: object) -> UUID:
    # UUID() also takes braces, capitals and a URN.
    if not _UUID.fullmatch(text := _text(value)):
        raise ValueError
    return UUID(text)


def _bytes(value: object) -> bytes:
    return from_base64url(_text(value))


def _whole(value: object) -> int:
    # bool is a subclass of int, and a JSON true is not a number.
    if type(value) is not int or not 0 <= value <= _MAX_WHOLE:
        raise TypeError
    return value


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise TypeError
    return value


def _moment(value: object) -> datetime:
    if (seconds := _whole(value)) > _MAX_SECONDS:
        raise ValueError
    return datetime.fromtimestamp(seconds, UTC)


def _names(value: object) -> frozenset[str]:
    if not isinstance(value, list):
        raise TypeError
    names = frozenset(_text(name) for name in value)
    if value != sorted(names):  # As `_list` writes them.
        raise ValueError
    return names


def _list(names: frozenset[str]) -> str:
    return f"[{','.join(map(_quoted, sorted(names)))}]"
