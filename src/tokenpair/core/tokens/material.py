"""Private keys: the supported algorithms, and which JWKs (RFC 7517) are accepted."""

import re
from typing import Any

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey

from tokenpair.core.tokens.encoding import from_base64url
from tokenpair.errors import ConfigurationError

Jwk = dict[str, Any]
Material = ECKey | OKPKey | RSAKey | OctKey

DEFAULT_ALGORITHM = "ES256"
# RS256's padding is disallowed by OWASP ASVS 5.0, appendix C; it is here for old verifiers.
# HS256 is for a single service: other services cannot verify its tokens.
# Ed25519 and EdDSA are two names of one signature: RFC 9864 deprecates the older one, EdDSA, and
# many verifiers know only that.
ALGORITHMS = ("ES256", "Ed25519", "EdDSA", "PS256", "RS256", "HS256")
SYNONYMS = ("Ed25519", "EdDSA")
MIN_RSA_BITS = 3072
MIN_SECRET_BYTES = 32

# For each algorithm: the class, and the members that its JWK must have (RFC 7518 §6, RFC 8037,
# RFC 9864).
_SHAPES: dict[str, tuple[type[Material], Jwk]] = {
    "ES256": (ECKey, {"kty": "EC", "crv": "P-256"}),
    "Ed25519": (OKPKey, {"kty": "OKP", "crv": "Ed25519"}),
    "EdDSA": (OKPKey, {"kty": "OKP", "crv": "Ed25519"}),
    "PS256": (RSAKey, {"kty": "RSA"}),
    "RS256": (RSAKey, {"kty": "RSA"}),
    "HS256": (OctKey, {"kty": "oct"}),
}
# The members that make a key (RFC 7518 §6, RFC 8037 §2). All others are ignored.
PUBLIC_MEMBERS = ("kty", "crv", "x", "y", "n", "e")
MEMBERS = (*PUBLIC_MEMBERS, "d", "p", "q", "dp", "dq", "qi", "k")
# Long enough, but public: from FastAPI's tutorial, RFC 7515, appendix A.1, and RFC 7520, §3.5.
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
# Words of placeholders, and of secrets that were typed by hand.
_TYPED = re.compile(rb"secret|change|password|example|your[-_ ]|my[-_ ]", re.IGNORECASE)
# A random secret of 32 bytes practically never has fewer different bytes.
_MIN_DISTINCT_BYTES = 12


def generate_material(algorithm: str) -> Material:
    """Make a new private key from the system's randomness. Raises `ConfigurationError`."""
    match algorithm:
        case "ES256":
            return ECKey.generate_key("P-256")
        case "Ed25519" | "EdDSA":
            return OKPKey.generate_key("Ed25519")
        case "PS256" | "RS256":
            return RSAKey.generate_key(MIN_RSA_BITS)
        case "HS256":
            return OctKey.generate_key(MIN_SECRET_BYTES * 8)
        case _:
            raise ConfigurationError(f"the algorithm must be one of {', '.join(ALGORITHMS)}")


def read_algorithm(jwk: Jwk) -> str:
    """Return the "alg" of a JWK. Raises `ConfigurationError`."""
    algorithm = jwk.get("alg")
    if not isinstance(algorithm, str) or algorithm not in _SHAPES:
        raise ConfigurationError(f'"alg" must be one of {", ".join(ALGORITHMS)}')
    return algorithm


def read_material(algorithm: str, jwk: Jwk) -> Material:
    """Read a private key. Raises `ConfigurationError`, without the key in its message."""
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
        material = kind.import_key({name: jwk[name] for name in MEMBERS if name in jwk})
    except (JoseError, ValueError, TypeError, KeyError) as exc:
        # Without its cause, which may quote the key.
        raise ConfigurationError(f"the {algorithm} key cannot be read") from (
            exc if isinstance(exc, JoseError) else None
        )
    if not material.is_private:
        raise ConfigurationError(f"the {algorithm} key has no private part")
    if isinstance(material, RSAKey) and material.raw_value.key_size < MIN_RSA_BITS:
        raise ConfigurationError(f"an RSA key must have at least {MIN_RSA_BITS} bits")
    return material


def _require_signing(algorithm: str, operations: object) -> None:
    """Require that the JWK's "key_ops" (RFC 7517 §4.3) allow signing, and verifying by a secret."""
    needed = {"sign", "verify"} if algorithm == "HS256" else {"sign"}
    match operations:
        case ["sign"] | ["sign", "verify"] | ["verify", "sign"] if needed <= set(operations):
            return
    raise ConfigurationError(
        f'the {algorithm} key is not for signing: its "key_ops" must be '
        f"{' and '.join(sorted(needed))}, or be left out"
    )


def _require_good_secret(secret: bytes) -> None:
    """Refuse a secret that was typed or copied (RFC 8725 §3.5; RFC 7518 §3.2)."""
    if len(secret) < MIN_SECRET_BYTES:
        raise ConfigurationError(f"an HS256 secret must have at least {MIN_SECRET_BYTES} bytes")
    is_typed = secret.isascii() and _TYPED.search(secret)
    if is_typed or secret in _KNOWN_SECRETS or len(set(secret)) < _MIN_DISTINCT_BYTES:
        raise ConfigurationError("the HS256 secret is a known example, or not random: replace it")
