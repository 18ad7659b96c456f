"""PBKDF2, as Django (`pbkdf2_sha256$…`) and Werkzeug (`pbkdf2:sha256:…`) write it."""

import base64
import hashlib
import re
from hmac import compare_digest
from typing import ClassVar

from tokenpair.hashers.foreign import ForeignHasher
from tokenpair.hashers.unusable import MALFORMED, UnusableHash

MAX_ITERATIONS = 5_000_000
"""Iterations of the costliest hash that is compared: a few seconds."""


_DIGEST_SIZES = {"sha1": 20, "sha256": 32, "sha512": 64}


class Pbkdf2Hasher(ForeignHasher):
    """Compares with hashes of PBKDF2 with SHA-1, SHA-256 and SHA-512."""

    forms: ClassVar[tuple[re.Pattern[str], ...]] = (
        re.compile(
            r"pbkdf2_(?P<digest>sha1|sha256)\$(?P<iterations>[0-9]{1,10})\$(?P<salt>[^$]{1,128})"
            r"\$(?P<base64>[A-Za-z0-9+/]{27,43}=)"
        ),
        re.compile(
            r"pbkdf2:(?P<digest>sha1|sha256|sha512):(?P<iterations>[0-9]{1,10})"
            r"\$(?P<salt>[^$]{1,128})\$(?P<hex>[0-9a-f]{40,128})"
        ),
    )

    def compare(self, password: bytes, stored: re.Match[str]) -> bool:
        """Compare as Django and Werkzeug do."""
        fields = stored.groupdict()
        iterations = int(fields["iterations"])
        if iterations > MAX_ITERATIONS:
            raise UnusableHash(f"PBKDF2 with more than {MAX_ITERATIONS} iterations")
        expected = (
            bytes.fromhex(fields["hex"])
            if "hex" in fields
            else base64.b64decode(fields["base64"], validate=True)
        )
        # Its length is that of the digest: a hash that was cut would match more passwords.
        if len(expected) != _DIGEST_SIZES[fields["digest"]]:
            raise UnusableHash(MALFORMED)
        salt = fields["salt"].encode()
        return compare_digest(
            hashlib.pbkdf2_hmac(fields["digest"], password, salt, iterations), expected
        )
