"""Claims to JWT and back. `typ` keeps the kinds apart, and the key decides the algorithm.

An access token is signed with the private key, for anyone to verify by the JWKS. A refresh
token, which only we ever read, carries a MAC under a key derived from it. The "typ" of a
header selects which rules are tried, so a token of one kind with the signature of the other
is simply badly signed (RFC 8725 §3.11, §3.12).
"""

import json
import re
from typing import Any

from joserfc import jws
from joserfc.errors import JoseError

from tokenpair.core.claims import AccessClaims, RefreshClaims
from tokenpair.core.encoding import from_base64url, strict_json
from tokenpair.core.keyring import Key, Keyring, Material
from tokenpair.errors import (
    AccessTokenRequired,
    ConfigurationError,
    InvalidToken,
    RefreshTokenRequired,
)

MAX_TOKEN_LENGTH = 8 * 1024
_REFRESH_ALGORITHM = "HS256"
_HEADER_NAMES = {"alg", "kid", "typ"}
# RFC 7515 §7.1, and nothing else: no padding, no white space, no JSON serialisation, no JWE.
_COMPACT = re.compile(r"([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)", re.ASCII)


class Codec:
    """Writes and reads the tokens of one issuer.

    `audience` is the access tokens'; a refresh token is for the issuer itself.
    """

    def __init__(self, keyring: Keyring, *, issuer: str, audience: str) -> None:
        """Raises `ConfigurationError` for keys that do not suit the audience."""
        self._issuer = issuer
        self._audiences = {AccessClaims: audience, RefreshClaims: issuer}
        self.use(keyring)

    def use(self, keyring: Keyring) -> None:
        """Write and read with these keys from now on.

        Raises `ConfigurationError` for keys that do not suit the audience, and keeps the old.
        """
        if keyring.signing.is_symmetric and self._audiences[AccessClaims] != self._issuer:
            raise ConfigurationError(
                "HS256 is for one service alone, whose issuer and audience are the same: whoever "
                "verifies such a token could sign one"
            )
        self.keyring = keyring

    def encode(self, claims: AccessClaims | RefreshClaims) -> str:
        """Sign with the key whose turn it is."""
        key = self.keyring.signing
        algorithm, material = _signing_rule(key, claims.typ)
        header = {"alg": algorithm, "kid": key.kid, "typ": claims.typ}
        payload = {
            "iss": self._issuer,
            "aud": self._audiences[type(claims)],
        } | claims.to_payload()
        body = json.dumps(payload, separators=(",", ":"), ensure_ascii=False).encode()
        return jws.serialize_compact(header, body, material, algorithms=[algorithm])

    def decode(self, token: str) -> AccessClaims | RefreshClaims:
        """Verify everything but the time, and give the claims of either kind.

        Raises `InvalidToken`. Whether it has expired is for the caller to ask: `claims.check(now)`.
        """
        typ, body = self._verify(token)
        try:
            payload = strict_json(body)
        except ValueError as exc:
            raise InvalidToken("the payload is not JSON") from exc
        kind = AccessClaims if typ == AccessClaims.typ else RefreshClaims
        if not isinstance(payload, dict):
            raise InvalidToken("the payload is not an object")
        if payload.get("iss") != self._issuer:
            raise InvalidToken("another issuer")
        if payload.get("aud") != self._audiences[kind]:
            raise InvalidToken("another audience")
        return kind.from_payload(payload)

    def decode_access(self, token: str) -> AccessClaims:
        """Decode an access token. Raises `InvalidToken` or `AccessTokenRequired`."""
        claims = self.decode(token)
        if not isinstance(claims, AccessClaims):
            raise AccessTokenRequired
        return claims

    def decode_refresh(self, token: str) -> RefreshClaims:
        """Decode a refresh token. Raises `InvalidToken` or `RefreshTokenRequired`."""
        claims = self.decode(token)
        if not isinstance(claims, RefreshClaims):
            raise RefreshTokenRequired
        return claims

    def _verify(self, token: str) -> tuple[str, bytes]:
        """Check form, header and signature; give the kind and the signed bytes."""
        if len(token) > MAX_TOKEN_LENGTH:
            raise InvalidToken("too long")
        if not (segments := _COMPACT.fullmatch(token)):
            raise InvalidToken("not a compact JWS")
        header = _parse_header(segments[1])
        if not (key := self.keyring.find(header["kid"])):
            raise InvalidToken("unknown key")
        algorithm, material = _signing_rule(key, header["typ"])
        if header["alg"] != algorithm:
            raise InvalidToken("another algorithm")
        try:
            verified = jws.deserialize_compact(token, material, algorithms=[algorithm])
        except (JoseError, ValueError) as exc:
            raise InvalidToken("the signature does not verify") from exc
        return header["typ"], verified.payload


def _parse_header(segment: str) -> dict[str, Any]:
    """Read which key and rules to try. Nothing in it is believed before they have verified it.

    Exactly our three members: so "crit", "b64", "zip", "jwk", "jku" and "x5u" are refused by
    having no place, not one by one.
    """
    try:
        header = strict_json(from_base64url(segment))
    except ValueError as exc:
        raise InvalidToken("the header cannot be read") from exc
    if not isinstance(header, dict) or header.keys() != _HEADER_NAMES:
        raise InvalidToken("the header has other members than ours")
    return header


def _signing_rule(key: Key, typ: object) -> tuple[str, Material]:
    match typ:
        case AccessClaims.typ if key.verifies_access:
            return key.algorithm, key.material
        case AccessClaims.typ:
            raise InvalidToken("a key that is good for renewal only")
        case RefreshClaims.typ:
            return _REFRESH_ALGORITHM, key.refresh_key
        case _:
            raise InvalidToken("another kind of token")
