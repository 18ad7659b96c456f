"""The signing keys: the newest signs, all verify.

A keyring is kept as a private JWK set (RFC 7517 §5), newest key first. Each key serves one
algorithm for access tokens, and derives the key that refresh tokens are MACed with, so there
is one thing to configure, to guard and to rotate.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Self, cast

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey

from tokenpair.core.encoding import from_base64url
from tokenpair.errors import ConfigurationError

Jwk = dict[str, Any]

DEFAULT_ALGORITHM = "ES256"
# RS256's padding is disallowed by OWASP ASVS 5.0, appendix C; it is here for old verifiers.
ALGORITHMS = ("ES256", "Ed25519", "PS256", "RS256")
MIN_RSA_BITS = 3072

_REFRESH_KEY_INFO = b"tokenpair refresh token v1"
# For each algorithm: the class, and what the JWK must say (RFC 7518 §6, RFC 8037, RFC 9864).
_SHAPES: dict[str, tuple[type[ECKey | OKPKey | RSAKey], Jwk]] = {
    "ES256": (ECKey, {"kty": "EC", "crv": "P-256"}),
    "Ed25519": (OKPKey, {"kty": "OKP", "crv": "Ed25519"}),
    "PS256": (RSAKey, {"kty": "RSA"}),
    "RS256": (RSAKey, {"kty": "RSA"}),
}

# What makes a key (RFC 7518 §6, RFC 8037 §2). Whatever else stands in the file stays there.
_MEMBERS = ("kty", "crv", "x", "y", "n", "e", "d", "p", "q", "dp", "dq", "qi")


@dataclass(frozen=True, kw_only=True)
class Key:
    """One signing key. `kid` is its thumbprint (RFC 7638), so two keys never share one."""

    algorithm: str
    material: ECKey | OKPKey | RSAKey = field(repr=False)

    @classmethod
    def generate(cls, algorithm: str = DEFAULT_ALGORITHM) -> Self:
        """Make a new key from the system's randomness. Raises `ConfigurationError`."""
        match algorithm:
            case "ES256":
                return cls(algorithm=algorithm, material=ECKey.generate_key("P-256"))
            case "Ed25519":
                return cls(algorithm=algorithm, material=OKPKey.generate_key("Ed25519"))
            case "PS256" | "RS256":
                return cls(algorithm=algorithm, material=RSAKey.generate_key(MIN_RSA_BITS))
            case _:
                raise ConfigurationError(f"the algorithm must be one of {', '.join(ALGORITHMS)}")

    @classmethod
    def from_jwk(cls, jwk: Jwk) -> Self:
        """Read a private JWK with its "alg". Raises `ConfigurationError`, naming no secret."""
        algorithm = jwk.get("alg")
        if not isinstance(algorithm, str) or algorithm not in _SHAPES:
            raise ConfigurationError(f'"alg" must be one of {", ".join(ALGORITHMS)}')
        kind, shape = _SHAPES[algorithm]
        if any(jwk.get(name) != value for name, value in shape.items()):
            raise ConfigurationError(f"a key for {algorithm} must have {shape}")
        if jwk.get("use", "sig") != "sig":
            raise ConfigurationError(f"the {algorithm} key is not for signing")
        try:
            material = kind.import_key({name: jwk[name] for name in _MEMBERS if name in jwk})
        except (JoseError, ValueError, TypeError, KeyError) as exc:
            # Broken off from its cause, which may quote the key.
            raise ConfigurationError(f"the {algorithm} key cannot be read") from (
                exc if isinstance(exc, JoseError) else None
            )
        if not material.is_private:
            raise ConfigurationError(f"the {algorithm} key has no private part")
        if isinstance(material, RSAKey) and material.raw_value.key_size < MIN_RSA_BITS:
            raise ConfigurationError(f"an RSA key must have at least {MIN_RSA_BITS} bits")
        return cls(algorithm=algorithm, material=material)

    @cached_property
    def kid(self) -> str:
        """The key's id: its JWK thumbprint (RFC 7638)."""
        return self.material.thumbprint()

    @cached_property
    def refresh_key(self) -> OctKey:
        """The MAC key of this key's refresh tokens (HKDF, RFC 5869)."""
        private = from_base64url(cast("str", self.material.as_dict(private=True)["d"]))
        derive = HKDF(algorithm=SHA256(), length=32, salt=None, info=_REFRESH_KEY_INFO)
        return OctKey.import_key(derive.derive(private))

    def to_jwk(self, *, private: bool) -> Jwk:
        """Give the key as a JWK; with `private=False`, what anyone may see."""
        jwk = self.material.as_dict(private=private)
        return jwk | {"kid": self.kid, "alg": self.algorithm, "use": "sig"}


class Keyring:
    """The keys of one issuer, newest first: the first signs, all verify."""

    def __init__(self, keys: Iterable[Key]) -> None:
        self._keys = {key.kid: key for key in keys}
        if not self._keys:
            raise ConfigurationError("a keyring needs at least one key")

    @classmethod
    def from_jwks(cls, jwks: object) -> Self:
        """Read a private JWK set. Raises `ConfigurationError`, naming no secret."""
        match jwks:
            case {"keys": [*keys]} if keys and all(isinstance(key, dict) for key in keys):
                return cls(Key.from_jwk(key) for key in keys)
            case _:
                raise ConfigurationError('not a JWK set: {"keys": [a key, ...]} is expected')

    @property
    def keys(self) -> tuple[Key, ...]:
        """All keys, newest first."""
        return tuple(self._keys.values())

    @property
    def signing(self) -> Key:
        """The newest key, which signs."""
        return self.keys[0]

    def find(self, kid: object) -> Key | None:
        """Give the key with this id, or None; any JSON value may ask."""
        return self._keys.get(kid) if isinstance(kid, str) else None

    def with_new(self, key: Key) -> "Keyring":
        """Give a keyring in which `key` signs and the others still verify."""
        return Keyring([key, *self.keys])

    def to_jwks(self, *, private: bool) -> Jwk:
        """Give the keyring as a JWK set; with `private=False`, for the world to verify by."""
        return {"keys": [key.to_jwk(private=private) for key in self.keys]}
