"""A signing key: what it is made of, what it may still do, and its form as a JWK (RFC 7517).

Each key serves one algorithm for access tokens, and derives the key that refresh tokens are
MACed with, so there is one thing to configure, to guard and to rotate. How a key goes from state
to state stands in `core.rotation`.
"""

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum
from functools import cached_property
from typing import Any, Self, cast

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey

from tokenpair.core.tokens.encoding import from_base64url
from tokenpair.core.tokens.secret import Secret
from tokenpair.core.tokens.signature import Ed25519, Es256, Hs256, Rsa, Signer
from tokenpair.errors import ConfigurationError

Jwk = dict[str, Any]
Material = ECKey | OKPKey | RSAKey | OctKey

DEFAULT_ALGORITHM = "ES256"
# RS256's padding is disallowed by OWASP ASVS 5.0, appendix C; it is here for old verifiers.
# HS256 is for whoever has one service alone: nobody else can verify its tokens.
# Ed25519 and EdDSA are two names of one signature: RFC 9864 deprecates the older one, EdDSA, and
# many verifiers know only that.
ALGORITHMS = ("ES256", "Ed25519", "EdDSA", "PS256", "RS256", "HS256")
_SYNONYMS = ("Ed25519", "EdDSA")
MIN_RSA_BITS = 3072
MIN_SECRET_BYTES = 32

_REFRESH_KEY_INFO = b"tokenpair refresh token v1"
# For each algorithm: the class, and what the JWK must say (RFC 7518 §6, RFC 8037, RFC 9864).
_SHAPES: dict[str, tuple[type[Material], Jwk]] = {
    "ES256": (ECKey, {"kty": "EC", "crv": "P-256"}),
    "Ed25519": (OKPKey, {"kty": "OKP", "crv": "Ed25519"}),
    "EdDSA": (OKPKey, {"kty": "OKP", "crv": "Ed25519"}),
    "PS256": (RSAKey, {"kty": "RSA"}),
    "RS256": (RSAKey, {"kty": "RSA"}),
    "HS256": (OctKey, {"kty": "oct"}),
}
# What makes a key (RFC 7518 §6, RFC 8037 §2). Whatever else stands in the file stays there.
_PUBLIC_MEMBERS = ("kty", "crv", "x", "y", "n", "e")
_MEMBERS = (*_PUBLIC_MEMBERS, "d", "p", "q", "dp", "dq", "qi", "k")
# Long enough, and known to everybody: FastAPI's tutorial, RFC 7515, appendix A.1, and RFC 7520,
# §3.5. And what people type, or leave as they have found it.
_TUTORIAL_SECRET = "09d25e094faa6ca2556c818166b7a9563b93f7099f6f0f4caa6cf63b88e8d3e7"  # noqa: S105
_KNOWN_SECRETS = frozenset(
    {
        _TUTORIAL_SECRET.encode(),
        bytes.fromhex(_TUTORIAL_SECRET),
        from_base64url("hJtXIZ2uSN5kbQfbtTNWbpdmhkV8FJG-Onbc6mxCcYg"),
        from_base64url(
            "AyM1SysPpbyfDfZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"
        ),
    }
)
_TYPED = re.compile(rb"secret|change|password|example|your[-_ ]|my[-_ ]", re.IGNORECASE)
# 32 random bytes repeat themselves so often about never.
_MIN_DISTINCT_BYTES = 12


class KeyState(Enum):
    """What a key may still do. A key that is gone is not in the keyring."""

    SIGNING = "signing"  # Signs, and verifies.
    PUBLISHED = "published"  # Verifies all: it is to sign soon, or has signed until just now.
    RENEWAL_ONLY = "renewal-only"  # Verifies refresh tokens, which live for days; nothing else.


@dataclass(frozen=True, kw_only=True)
class Key:
    """One key. `kid` is its thumbprint (RFC 7638).

    `since` is when it entered its state. `is_generated` marks a key that an app has made for
    itself on its first start, which is good enough for development.
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
        """Make a new key from the system's randomness. Raises `ConfigurationError`."""
        material: Material
        match algorithm:
            case "ES256":
                material = ECKey.generate_key("P-256")
            case "Ed25519" | "EdDSA":
                material = OKPKey.generate_key("Ed25519")
            case "PS256" | "RS256":
                material = RSAKey.generate_key(MIN_RSA_BITS)
            case "HS256":
                material = OctKey.generate_key(MIN_SECRET_BYTES * 8)
            case _:
                raise ConfigurationError(f"the algorithm must be one of {', '.join(ALGORITHMS)}")
        return cls(
            algorithm=algorithm,
            secret=Secret(material),
            state=state,
            since=since,
            is_generated=is_generated,
        )

    @classmethod
    def from_jwk(cls, jwk: Jwk, *, default: KeyState = KeyState.SIGNING) -> Self:
        """Read a private JWK with its "alg"; `default` is the state of one that names none.

        Raises `ConfigurationError`, naming no secret.
        """
        algorithm = jwk.get("alg")
        if not isinstance(algorithm, str) or algorithm not in _SHAPES:
            raise ConfigurationError(f'"alg" must be one of {", ".join(ALGORITHMS)}')
        key = cls(
            algorithm=algorithm,
            secret=Secret(_read_material(algorithm, jwk)),
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
        """Every "alg" that an access token of this key may have: first the one that is written.

        The operator may rename the key in its file while tokens with the other name still live.
        """
        synonyms = _SYNONYMS if self.algorithm in _SYNONYMS else ()
        return [self.algorithm, *(name for name in synonyms if name != self.algorithm)]

    @cached_property
    def signer(self) -> Signer:
        """What signs and verifies this key's access tokens.

        Raises `ConfigurationError` for a material that does not suit the algorithm.
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
            case _:  # Else it would sign with a key of one algorithm in the name of another.
                raise ConfigurationError(f"the key is none for {self.algorithm}")

    @cached_property
    def refresh_signer(self) -> Signer:
        """What signs and verifies this key's refresh tokens."""
        return Hs256(self.refresh_key.raw_value)

    def _secret(self) -> bytes:
        jwk = self.material.as_dict(private=True)
        return from_base64url(cast("str", jwk["k" if self.is_symmetric else "d"]))

    @property
    def is_symmetric(self) -> bool:
        """Must whoever verifies its tokens be able to sign them, too?"""
        return isinstance(self.material, OctKey)

    @property
    def verifies_access(self) -> bool:
        """Does it still verify access tokens?"""
        return self.state is not KeyState.RENEWAL_ONLY

    def to_jwk(self, *, private: bool) -> Jwk:
        """Give the key as a JWK; with `private=False`, what anyone may see."""
        whole = self.material.as_dict(private=True)
        members = _MEMBERS if private else _PUBLIC_MEMBERS
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


def _read_material(algorithm: str, jwk: Jwk) -> Material:
    kind, shape = _SHAPES[algorithm]
    if any(jwk.get(name) != value for name, value in shape.items()):
        raise ConfigurationError(f"a key for {algorithm} must have {shape}")
    if jwk.get("use", "sig") != "sig":
        raise ConfigurationError(f'the {algorithm} key is not for signing: its "use" must be "sig"')
    if "key_ops" in jwk:
        _require_signing(algorithm, jwk["key_ops"])
    try:
        if algorithm == "HS256":
            _require_good_secret(from_base64url(jwk["k"]))
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
    return material


def _require_signing(algorithm: str, operations: object) -> None:
    """Respect what a key's owner lets it do (RFC 7517 §4.3): ours signs, and a secret verifies."""
    needed = {"sign", "verify"} if algorithm == "HS256" else {"sign"}
    match operations:
        case ["sign"] | ["sign", "verify"] | ["verify", "sign"] if needed <= set(operations):
            return
    raise ConfigurationError(
        f'the {algorithm} key is not for signing: its "key_ops" must be '
        f"{' and '.join(sorted(needed))}, or be left out"
    )


def _require_good_secret(secret: bytes) -> None:
    """Refuse what people type or copy (RFC 8725 §3.5; RFC 7518 §3.2)."""
    if len(secret) < MIN_SECRET_BYTES:
        raise ConfigurationError(f"an HS256 secret must have at least {MIN_SECRET_BYTES} bytes")
    is_typed = secret.isascii() and _TYPED.search(secret)
    if is_typed or secret in _KNOWN_SECRETS or len(set(secret)) < _MIN_DISTINCT_BYTES:
        raise ConfigurationError("the HS256 secret is a known example, or not random")


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
