"""Hashing with argon2id.

argon2-cffi reports a lack of memory as a failed verification; this does not.
"""

from argon2.exceptions import HashingError, InvalidHashError, VerificationError
from argon2.low_level import error_to_str
from pwdlib.hashers.argon2 import Argon2Hasher

from tokenpair.errors import Unavailable

# ARGON2_MEMORY_ALLOCATION_ERROR and ARGON2_THREAD_FAIL of argon2.h.
_SHORT_OF = {error_to_str(-22): "memory", error_to_str(-33): "threads, or memory for them"}


class Hasher(Argon2Hasher):
    """pwdlib's hasher, which also tells a lack of memory or threads from a wrong password."""

    def hash(self, password: str | bytes, *, salt: bytes | None = None) -> str:
        """Hash a password. Raises `Unavailable` if there is no memory for it."""
        try:
            return super().hash(password, salt=salt)
        except HashingError as exc:
            _require_resources(exc)
            raise

    def verify(self, password: str | bytes, hash: str | bytes) -> bool:  # noqa: A002  As pwdlib's.
        """Compare a password with a hash. Raises `Unavailable` if there is no memory for it."""
        try:
            # Not pwdlib's own `verify`: it returns False for any failure.
            return self._hasher.verify(hash, password)
        except VerificationError as exc:
            _require_resources(exc)
            return False
        except InvalidHashError:
            return False


def _require_resources(error: HashingError | VerificationError) -> None:
    if resource := _SHORT_OF.get(str(error)):
        raise Unavailable(f"this machine is short of {resource} to hash a password") from error
