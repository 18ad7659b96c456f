"""Sign and verify, one class for each algorithm (RFC 7518 §3, RFC 8037 §3.1).

OpenSSL does the cryptography. This module adds the form of a JWS signature. Each key has one
algorithm: the header of a token does not choose it.
"""

import hmac
from collections.abc import Callable
from typing import Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, PSS, AsymmetricPadding, PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import (
    decode_dss_signature,
    encode_dss_signature,
)
from cryptography.hazmat.primitives.hashes import SHA256


class Signer(Protocol):
    """Signs and verifies with one key."""

    def sign(self, data: bytes) -> bytes:
        """Return the signature of `data`."""
        ...

    def verifies(self, signature: bytes, data: bytes) -> bool:
        """Is it this key's signature of `data`?"""
        ...


class Es256:
    """ECDSA on P-256 with SHA-256: the signature is R and S, 32 bytes each (RFC 7518 §3.4)."""

    _ALGORITHM = ECDSA(SHA256())

    def __init__(self, key: EllipticCurvePrivateKey) -> None:
        self._sign, self._verify = key.sign, key.public_key().verify

    def sign(self, data: bytes) -> bytes:
        """Sign, and convert the signature from DER to the form of JWS."""
        r, s = decode_dss_signature(self._sign(data, self._ALGORITHM))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")

    def verifies(self, signature: bytes, data: bytes) -> bool:
        """Verify. Only one length is valid, so R and S are where they should be."""
        if len(signature) != 64:
            return False
        r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
        try:
            self._verify(encode_dss_signature(r, s), data, self._ALGORITHM)
        except InvalidSignature:
            return False
        return True


class Ed25519:
    """EdDSA on Curve25519 (RFC 8037)."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self.sign: Callable[[bytes], bytes] = key.sign
        self._verify = key.public_key().verify

    def verifies(self, signature: bytes, data: bytes) -> bool:
        """Verify."""
        try:
            self._verify(signature, data)
        except InvalidSignature:
            return False
        return True


class Rsa:
    """RSA signatures with SHA-256: PSS with a salt as long as the hash, or PKCS #1 v1.5."""

    PSS = PSS(mgf=MGF1(SHA256()), salt_length=32)
    PKCS1 = PKCS1v15()

    def __init__(self, key: RSAPrivateKey, padding: AsymmetricPadding) -> None:
        self._key, self._verify, self._padding = key, key.public_key().verify, padding

    def sign(self, data: bytes) -> bytes:
        """Sign."""
        return self._key.sign(data, self._padding, SHA256())

    def verifies(self, signature: bytes, data: bytes) -> bool:
        """Verify."""
        try:
            self._verify(signature, data, self._padding, SHA256())
        except InvalidSignature:
            return False
        return True


class Hs256:
    """HMAC with SHA-256 (RFC 7518 §3.2)."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def __repr__(self) -> str:
        return "Hs256()"

    def sign(self, data: bytes) -> bytes:
        """Return the MAC."""
        return hmac.digest(self._secret, data, "sha256")

    def verifies(self, signature: bytes, data: bytes) -> bool:
        """Compare in constant time."""
        return hmac.compare_digest(signature, self.sign(data))
