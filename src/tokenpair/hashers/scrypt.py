"""scrypt, as Werkzeug writes it: `scrypt:N:r:p$salt$hex`."""

import hashlib
import re
from hmac import compare_digest
from typing import ClassVar

from tokenpair.hashers.foreign import ForeignHasher
from tokenpair.hashers.unusable import UnusableHash

MAX_WORK = 2**22
"""N times r times p of the costliest hash that is compared: a few seconds."""

_MAX_MEMORY_OF_OPENSSL = 2**31 - 1


class ScryptHasher(ForeignHasher):
    """Compares with hashes of scrypt that take at most `max_memory` KiB."""

    forms: ClassVar[tuple[re.Pattern[str], ...]] = (
        re.compile(
            r"scrypt:(?P<n>[0-9]{1,10}):(?P<r>[0-9]{1,10}):(?P<p>[0-9]{1,10})"
            r"\$(?P<salt>[^$]{1,128})\$(?P<hash>[0-9a-f]{128})"
        ),
    )

    def __init__(self, *, max_memory: int) -> None:
        self._max_memory = max_memory

    def compare(self, password: bytes, stored: re.Match[str]) -> bool:
        """Compare as Werkzeug does."""
        n, r, p = (int(stored[name]) for name in "nrp")
        memory = 128 * r * (n + p + 2)
        if memory > self._max_memory * 1024:
            raise UnusableHash(f"scrypt with more than {self._max_memory // 1024} MiB of memory")
        if n * r * p > MAX_WORK:
            raise UnusableHash("scrypt with too much work (N times r times p)")
        found = hashlib.scrypt(
            password,
            salt=stored["salt"].encode(),
            n=n,
            r=r,
            p=p,
            maxmem=min(memory + 2**16, _MAX_MEMORY_OF_OPENSSL),
            dklen=64,
        )
        return compare_digest(found, bytes.fromhex(stored["hash"]))
