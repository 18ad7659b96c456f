"""What a verified token says: two kinds of claims, typed, to and from a JWT's payload.

`from_payload` is the only way in from JSON. It accepts exactly the types that we write
(RFC 7519 §4.1 leaves "exp" any JSON number; we write whole seconds and accept nothing else),
so whatever holds a Claims may trust every field.
"""

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from json.encoder import encode_basestring_ascii as _quoted
from typing import Any, ClassVar, Self
from uuid import UUID

from tokenpair.core.tokens.encoding import base64url, from_base64url
from tokenpair.errors import ExpiredToken, InvalidToken

Payload = dict[str, Any]
# What the parsers below raise.
_ODD = (KeyError, TypeError, ValueError)

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)
_TOKEN_ID = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)
# Beyond it, JSON numbers are not the same everywhere (RFC 8259 §6).
_MAX_WHOLE = 2**53 - 1
# The last second that a datetime can hold; a larger "exp" would overflow, not be refused.
_MAX_SECONDS = int(datetime.max.replace(tzinfo=UTC).timestamp())


@dataclass(frozen=True, slots=True, kw_only=True)
class Claims:
    """What both kinds say: whose token this is, of which session, and until when."""

    typ: ClassVar[str]

    subject: UUID
    session_id: UUID
    token_id: str
    issued_at: datetime
    expires_at: datetime
    not_before: datetime | None = None
    """We issue no token with one, and respect it all the same (RFC 7519 §4.1.5)."""

    def check(self, now: datetime) -> None:
        """Require that the token lives at `now`: from its "nbf" until its "exp" (RFC 7519 §4.1).

        Raises `ExpiredToken` and `InvalidToken`.
        """
        if now >= self.expires_at:
            raise ExpiredToken(f"expired at {self.expires_at:%Y-%m-%dT%H:%M:%SZ}")
        if self.not_before is not None and now < self.not_before:
            raise InvalidToken(f"not valid before {self.not_before:%Y-%m-%dT%H:%M:%SZ}")

    def to_json(self) -> str:
        """Return the members of the JWT payload that differ from token to token, without braces.

        The codec adds "iss", "aud" and "client_id". Written by hand: a JSON encoder takes longer
        than everything else but the signature.
        """
        return (
            f'"sub":"{self.subject}","sid":"{self.session_id}","jti":{_quoted(self.token_id)},'
            f'"iat":{int(self.issued_at.timestamp())},"exp":{int(self.expires_at.timestamp())}'
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessClaims(Claims):
    """The content of an access token (RFC 9068).

    It names nobody: no e-mail address, no name. `version` is the user's at the moment of
    issue; when the user's has risen since, the token is stale.
    """

    typ = "at+jwt"

    roles: frozenset[str]
    version: int
    authenticated_at: datetime

    def to_json(self) -> str:
        """As `Claims.to_json`."""
        roles = ",".join(map(_quoted, sorted(self.roles)))
        # Named, not super(): slots make dataclass build a new class, which super() would miss.
        return (
            f'{Claims.to_json(self)},"roles":[{roles}],"ver":{self.version},'
            f'"auth_time":{int(self.authenticated_at.timestamp())}'
        )

    @classmethod
    def from_payload(cls, payload: Payload) -> Self:
        """Parse a verified payload. Raises `InvalidToken` for any missing or odd claim."""
        try:
            return cls(
                subject=_uuid(payload["sub"]),
                session_id=_uuid(payload["sid"]),
                token_id=_token_id(payload["jti"]),
                issued_at=_moment(payload["iat"]),
                expires_at=_moment(payload["exp"]),
                not_before=_moment(payload["nbf"]) if "nbf" in payload else None,
                roles=_roles(payload["roles"]),
                version=_whole(payload["ver"]),
                authenticated_at=_moment(payload["auth_time"]),
            )
        except _ODD as exc:
            raise InvalidToken("a claim is missing or odd") from exc


@dataclass(frozen=True, slots=True, kw_only=True)
class RefreshClaims(Claims):
    """The content of a refresh token but for its secret: an endpoint may return it.

    `parent` is the id of the token that this one was issued for, `generation` the number of
    tokens before it in its session.
    """

    typ = "rt+jwt"

    parent: str
    generation: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FullRefreshClaims(RefreshClaims):
    """The whole content of a refresh token, for the renewal rule and storages alone.

    `secret` is the session's: 128 random bits, of which the storage knows a hash.
    """

    secret: bytes = field(repr=False)

    @property
    def public(self) -> RefreshClaims:
        """The claims without the secret."""
        return RefreshClaims(
            subject=self.subject,
            session_id=self.session_id,
            token_id=self.token_id,
            issued_at=self.issued_at,
            expires_at=self.expires_at,
            not_before=self.not_before,
            parent=self.parent,
            generation=self.generation,
        )

    def to_json(self) -> str:
        """As `Claims.to_json`."""
        return (
            f'{Claims.to_json(self)},"parent":{_quoted(self.parent)},"gen":{self.generation},'
            f'"secret":"{base64url(self.secret)}"'
        )

    @classmethod
    def from_payload(cls, payload: Payload) -> Self:
        """Parse a verified payload. Raises `InvalidToken` for any missing or odd claim."""
        try:
            return cls(
                subject=_uuid(payload["sub"]),
                session_id=_uuid(payload["sid"]),
                token_id=_token_id(payload["jti"]),
                issued_at=_moment(payload["iat"]),
                expires_at=_moment(payload["exp"]),
                not_before=_moment(payload["nbf"]) if "nbf" in payload else None,
                parent=_token_id(payload["parent"]),
                generation=_whole(payload["gen"]),
                secret=_bytes(payload["secret"]),
            )
        except _ODD as exc:
            raise InvalidToken("a claim is missing or odd") from exc


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


def _moment(value: object) -> datetime:
    if (seconds := _whole(value)) > _MAX_SECONDS:
        raise ValueError
    return datetime.fromtimestamp(seconds, UTC)


def _roles(value: object) -> frozenset[str]:
    if not isinstance(value, list):
        raise TypeError
    roles = frozenset(_text(role) for role in value)
    if value != sorted(roles):  # As we write them.
        raise ValueError
    return roles
