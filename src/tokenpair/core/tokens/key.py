"""A signing key: its algorithm and state, and its form as a JWK (RFC 7517).

Each key serves one algorithm for access tokens. The MAC key of refresh tokens is derived from it,
so there is one key to configure, to protect and to rotate. `core.tokens.key_rotation` moves keys
from state to state.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum
from functools import cached_property
from typing import Self, cast

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from joserfc.jwk import OctKey

from tokenpair.core.tokens.encoding import from_base64url
from tokenpair.core.tokens.material import (
    DEFAULT_ALGORITHM,
    MEMBERS,
    PUBLIC_MEMBERS,
    SYNONYMS,
    Jwk,
    Material,
    generate_material,
    read_algorithm,
    read_material,
)
from tokenpair.core.tokens.secret import Secret
from tokenpair.core.tokens.signature import Ed25519, Es256, Hs256, Rsa, Signer
from tokenpair.errors import ConfigurationError

_REFRESH_KEY_INFO = b"tokenpair refresh token v1"


class KeyState(Enum):
    """What a key may still do. A key that may do nothing is no longer in the keyring."""

    SIGNING = "signing"  # Signs and verifies.
    PUBLISHED = "published"  # Verifies all tokens: it will sign soon, or signed until recently.
    RENEWAL_ONLY = "renewal-only"  # Verifies refresh tokens only, which are valid for days.


@dataclass(frozen=True, kw_only=True)
class Key:
    """One key. `kid` is its thumbprint (RFC 7638).

    `since` is when it entered its state, None if that is unknown. `is_generated` marks a key that
    was made by the first start of an app; such a key is for development.
    """

    algorithm: str
    secret: Secret[Material] = field(repr=False)
    state: KeyState = KeyState.SIGNING
    since: datetime | None = None
    is_generated: bool = False

    @classmethod
    def generate(
        cls,
        algorithm: str = DEFAULT_ALGORITHM,
        *,
        state: KeyState = KeyState.SIGNING,
        since: datetime | None = None,
        is_generated: bool = False,
    ) -> Self:
        """Make a new key from the system's randomness.

        Raises `ConfigurationError` for an unsupported algorithm.
        """
        return cls(
            algorithm=algorithm,
            secret=Secret(generate_material(algorithm)),
            state=state,
            since=since,
            is_generated=is_generated,
        )

    @classmethod
    def from_jwk(cls, jwk: Jwk, *, default: KeyState = KeyState.SIGNING) -> Self:
        """Read a private JWK with an "alg"; `default` is its state if it has no "state".

        Raises `ConfigurationError`, without secrets in its message.
        """
        algorithm = read_algorithm(jwk)
        key = cls(
            algorithm=algorithm,
            secret=Secret(read_material(algorithm, jwk)),
            state=_read_state(jwk, default),
            since=_read_since(jwk),
            is_generated=jwk.get("generated") is True,
        )
        if jwk.get("kid", key.kid) != key.kid:
            raise ConfigurationError(
                f'"kid" must be the key\'s thumbprint, {key.kid}, or be left out'
            )
        return key

    @property
    def material(self) -> Material:
        """The private key itself."""
        return self.secret.value

    @cached_property
    def kid(self) -> str:
        """The key's id: its JWK thumbprint (RFC 7638)."""
        return self.material.thumbprint()

    @cached_property
    def refresh_key(self) -> OctKey:
        """The MAC key of this key's refresh tokens (HKDF, RFC 5869)."""
        derive = HKDF(algorithm=SHA256(), length=32, salt=None, info=_REFRESH_KEY_INFO)
        return OctKey.import_key(derive.derive(self._secret()))

    @property
    def algorithm_names(self) -> list[str]:
        """Every "alg" that an access token of this key may have, the written one first.

        The operator may rename the key in its file while tokens with the other name are valid.
        """
        synonyms = SYNONYMS if self.algorithm in SYNONYMS else ()
        return [self.algorithm, *(name for name in synonyms if name != self.algorithm)]

    @cached_property
    def signer(self) -> Signer:
        """Signs and verifies this key's access tokens.

        Raises `ConfigurationError` for a key of another type than the algorithm's.
        """
        key = getattr(self.material, "private_key", None)
        match self.algorithm, key:
            case "ES256", EllipticCurvePrivateKey():
                return Es256(key)
            case "Ed25519" | "EdDSA", Ed25519PrivateKey():
                return Ed25519(key)
            case "PS256", RSAPrivateKey():
                return Rsa(key, Rsa.PSS)
            case "RS256", RSAPrivateKey():
                return Rsa(key, Rsa.PKCS1)
            case "HS256", bytes():
                return Hs256(self._secret())
            case _:  # Never sign with one algorithm under the name of another.
                raise ConfigurationError(f"this key cannot sign {self.algorithm}")

    @cached_property
    def refresh_signer(self) -> Signer:
        """Signs and verifies this key's refresh tokens."""
        return Hs256(self.refresh_key.raw_value)

    def _secret(self) -> bytes:
        jwk = self.material.as_dict(private=True)
        return from_base64url(cast("str", jwk["k" if self.is_symmetric else "d"]))

    @property
    def is_symmetric(self) -> bool:
        """Does it verify with the same secret that signs?"""
        return isinstance(self.material, OctKey)

    @property
    def verifies_access(self) -> bool:
        """Does it still verify access tokens?"""
        return self.state is not KeyState.RENEWAL_ONLY

    def to_jwk(self, *, private: bool) -> Jwk:
        """Return the key as a JWK: with its private members, or with the public ones only."""
        whole = self.material.as_dict(private=True)
        members = MEMBERS if private else PUBLIC_MEMBERS
        jwk: Jwk = {name: whole[name] for name in members if name in whole}
        jwk |= {"kid": self.kid, "alg": self.algorithm, "use": "sig"}
        if not private:
            return jwk
        jwk["state"] = self.state.value
        if self.since:
            jwk["since"] = int(self.since.timestamp())
        if self.is_generated:
            jwk["generated"] = True
        return jwk


def _read_state(jwk: Jwk, default: KeyState) -> KeyState:
    try:
        return KeyState(jwk.get("state", default))
    except ValueError:
        names = ", ".join(state.value for state in KeyState)
        raise ConfigurationError(f'"state" must be one of {names}') from None


def _read_since(jwk: Jwk) -> datetime | None:
    since = jwk.get("since")
    if since is None:
        return None
    try:
        return datetime.fromtimestamp(since, UTC)
    except (TypeError, ValueError, OverflowError, OSError):
        raise ConfigurationError('"since" must be a number of seconds since 1970') from None
