"""Claims to JWT and back. The header's "typ" selects the kind of token, and its key the algorithm.

An access token is signed with the private key, so that other services can verify it by the JWKS.
A refresh token, which only we read, has a MAC under a key derived from that key. A token with the
"typ" of one kind and the signature of the other has an invalid signature (RFC 8725 §3.11, §3.12).

This is a strict reader of one form of JWS (RFC 7515 §7.1, compact): a general library takes twice
as long. The tests compare it with joserfc.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass

from tokenpair.core.tokens.claims import AccessClaims, FullRefreshClaims
from tokenpair.core.tokens.encoding import base64url, from_base64url, strict_json
from tokenpair.core.tokens.key import Key
from tokenpair.core.tokens.keyring import Keyring
from tokenpair.core.tokens.material import ALGORITHMS
from tokenpair.core.tokens.signature import Signer
from tokenpair.errors import (
    AccessTokenRequired,
    ConfigurationError,
    InvalidToken,
    RefreshTokenRequired,
    Unavailable,
)

MAX_TOKEN_LENGTH = 8 * 1024
"""Greatest length of a token that is read, in characters."""

_REFRESH_ALGORITHM = "HS256"

# The headers that we write, with any key. A thumbprint (RFC 7638) is 32 bytes in base64url.
_HEADER = re.compile(
    rb'\{"alg":"(?:%s)","kid":"([A-Za-z0-9_-]{43})","typ":"(?:at|rt)\+jwt"\}'
    % "|".join(ALGORITHMS).encode()
)

Kind = type[AccessClaims] | type[FullRefreshClaims]
KINDS: tuple[Kind, ...] = (AccessClaims, FullRefreshClaims)


@dataclass(frozen=True, slots=True)
class _Rule:
    """What a header means: the kind of the token, and what signs and verifies it."""

    kind: Kind
    signer: Signer


class Codec:
    """Writes and reads the tokens of one issuer, for one audience.

    Only the issuer reads refresh tokens. They name the audience too, so that none is renewed into
    an access token for another audience.
    """

    def __init__(
        self,
        keyring: Keyring,
        *,
        issuer: str,
        audience: str,
        look_again: Callable[[], bool] = lambda: True,
    ) -> None:
        """Raises `ConfigurationError` for keys that cannot serve the audience.

        `look_again` is called for a token that names an unknown key: it may `use` newer keys, and
        returns whether the keys are known to be up to date.
        """
        self._issuer = issuer
        self._audience = audience
        opening = f'{{"iss":{json.dumps(issuer)},"aud":{json.dumps(audience)},'
        # RFC 9068 requires a "client_id". No client is registered here, so it is the audience.
        with_client = f'{opening}"client_id":{json.dumps(audience)},'
        self._openings: dict[Kind, str] = {AccessClaims: with_client, FullRefreshClaims: opening}
        self._look_again = look_again
        self.use(keyring)

    def use(self, keyring: Keyring) -> None:
        """Write and read with these keys from now on.

        Raises `ConfigurationError` for keys that cannot serve the audience, and keeps the old ones.
        """
        if keyring.signing.is_symmetric and self._audience != self._issuer:
            raise ConfigurationError(
                "HS256 works only if issuer and audience are the same: a service that can verify "
                "such a token can sign one. Use ES256, or leave the audience out"
            )
        self.keyring = keyring
        # The accepted headers, byte for byte. A header with anything else in it ("crit", "b64",
        # "zip", "jwk", "jku", another "alg") is unknown, and is never parsed.
        self._rules = {
            header: _Rule(kind, _signer(key, kind))
            for key in keyring.keys
            for kind in _kinds(key)
            for header in _headers(key, kind)
        }
        self._headers = {kind: _header(keyring.signing, kind) for kind in KINDS}

    def encode(self, claims: AccessClaims | FullRefreshClaims) -> str:
        """Return the token, signed with the signing key."""
        kind = type(claims)
        header = self._headers[kind]
        body = f"{self._openings[kind]}{claims.to_json()}}}"
        signed = f"{header}.{base64url(body.encode())}"
        return f"{signed}.{base64url(self._rules[header].signer.sign(signed.encode()))}"

    def decode(self, token: str) -> AccessClaims | FullRefreshClaims:
        """Return the claims of a token of either kind, which may have expired.

        Call `claims.check(now)` next. Raises `InvalidToken`, and `Unavailable` for an unknown key
        that may be a new one.
        """
        kind, body = self._verify(token)
        try:
            payload = strict_json(body)
        except ValueError as exc:
            raise InvalidToken("the payload is not JSON") from exc
        if not isinstance(payload, dict):
            raise InvalidToken("the payload is not an object")
        if payload.get("iss") != self._issuer:
            raise InvalidToken("the token is from another issuer")
        if payload.get("aud") != self._audience:
            raise InvalidToken("the token is for another audience")
        return kind.from_payload(payload)

    def decode_access(self, token: str) -> AccessClaims:
        """Decode an access token. Raises `InvalidToken` or `AccessTokenRequired`."""
        claims = self.decode(token)
        if not isinstance(claims, AccessClaims):
            raise AccessTokenRequired
        return claims

    def decode_refresh(self, token: str) -> FullRefreshClaims:
        """Decode a refresh token. Raises `InvalidToken` or `RefreshTokenRequired`."""
        claims = self.decode(token)
        if not isinstance(claims, FullRefreshClaims):
            raise RefreshTokenRequired
        return claims

    def _verify(self, token: str) -> tuple[Kind, bytes]:
        """Check form, header and signature; return the kind and the payload."""
        if len(token) > MAX_TOKEN_LENGTH:
            raise InvalidToken("the token is too long")
        header, _, rest = token.partition(".")
        if not (rule := self._rules.get(header) or self._new_rule(header)):
            raise InvalidToken(
                "the header is unknown: its form, key, algorithm or kind is not accepted"
            )
        body, _, signature = rest.partition(".")
        try:
            # A third dot is not base64url either.
            payload, mac = from_base64url(body), from_base64url(signature)
        except ValueError as exc:
            raise InvalidToken("the payload or the signature is not base64url") from exc
        if not rule.signer.verifies(mac, token[: len(header) + 1 + len(body)].encode()):
            raise InvalidToken("the signature is invalid")
        return rule.kind, payload

    def _new_rule(self, header: str) -> _Rule | None:
        """Return the rule of a header with a key that another worker has loaded before this one.

        Raises `Unavailable` when the key is unknown, and newer keys cannot be ruled out.
        """
        if not self._names_unknown_key(header):
            return None
        is_up_to_date = self._look_again()
        if not (rule := self._rules.get(header)) and not is_up_to_date:
            raise Unavailable("the key of a token is unknown, and may be a new one")
        return rule

    def _names_unknown_key(self, header: str) -> bool:
        """Does the header have our form, with a key that is not in the keyring?"""
        try:
            found = _HEADER.fullmatch(from_base64url(header))
        except ValueError:
            return False
        return found is not None and self.keyring.find(found[1].decode()) is None


def _header(key: Key, kind: Kind) -> str:
    """Return the header that is written, encoded."""
    return _headers(key, kind)[0]


def _headers(key: Key, kind: Kind) -> list[str]:
    """Return every header that is accepted, encoded, the written one first."""
    names = key.algorithm_names if kind is AccessClaims else (_REFRESH_ALGORITHM,)
    headers = ({"alg": name, "kid": key.kid, "typ": kind.typ} for name in names)
    return [base64url(json.dumps(each, separators=(",", ":")).encode()) for each in headers]


def _signer(key: Key, kind: Kind) -> Signer:
    return key.signer if kind is AccessClaims else key.refresh_signer


def _kinds(key: Key) -> tuple[Kind, ...]:
    """Return the kinds of tokens that a key still verifies."""
    return KINDS if key.verifies_access else (FullRefreshClaims,)
