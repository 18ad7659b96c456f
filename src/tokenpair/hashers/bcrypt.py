"""bcrypt: `$2a$`, `$2b$` and `$2y$`, also with the prefixes that Django writes."""

import hashlib
import re
from typing import ClassVar

from tokenpair.hashers.foreign import ForeignHasher
from tokenpair.hashers.unusable import UnusableHash

MAX_COST = 15
"""Cost of the costliest hash that is compared: a few seconds. One more takes twice as long."""

COMPARED_BYTES = 72
"""Length of the part of a password that bcrypt reads, in bytes of UTF-8."""


class BcryptHasher(ForeignHasher):
    """Compares with hashes of bcrypt.

    bcrypt reads the first 72 bytes of a password. Most systems ignored the rest, so it is ignored
    here, too. The new hash is that of the whole password.
    """

    forms: ClassVar[tuple[re.Pattern[str], ...]] = (
        re.compile(
            r"(?:bcrypt(?P<prehashed>_sha256)?\$)?"
            r"(?P<hash>\$2[aby]\$(?P<cost>[0-9]{2})\$[A-Za-z0-9./]{53})"
        ),
    )

    def compare(self, password: bytes, stored: re.Match[str]) -> bool:
        """Compare as the system did that made the hash."""
        try:
            # An extra, which only such hashes need.
            import bcrypt  # noqa: PLC0415
        except ImportError as exc:
            raise UnusableHash("bcrypt is not installed: install tokenpair[bcrypt]") from exc
        if int(stored["cost"]) > MAX_COST:
            raise UnusableHash(f"bcrypt with a cost above {MAX_COST}")
        if stored["prehashed"]:
            password = hashlib.sha256(password).hexdigest().encode()
        return bcrypt.checkpw(password[:COMPARED_BYTES], stored["hash"].encode())
