"""argon2: argon2id for new passwords; stored hashes of any variant and parameters.

argon2-cffi reports a lack of memory as a failed verification; this does not.
"""

from argon2 import extract_parameters
from argon2.exceptions import (
    HashingError,
    InvalidHashError,
    VerificationError,
    VerifyMismatchError,
)
from argon2.low_level import error_to_str
from pwdlib.hashers.argon2 import Argon2Hasher
from pwdlib.hashers.base import ensure_str

from tokenpair.errors import Unavailable
from tokenpair.hashers.unusable import MALFORMED, UnusableHash

# ARGON2_MEMORY_ALLOCATION_ERROR and ARGON2_THREAD_FAIL of argon2.h.
_SHORT_OF = {error_to_str(-22): "memory", error_to_str(-33): "threads, or memory for them"}

MAX_WORK_KIB = 2 * 1024 * 1024
"""Largest memory times passes of a stored hash that is still compared, in KiB.

Such a comparison takes about 1 to 4 seconds on one core.
"""

MAX_LANES = 64
"""Largest parallelism of a stored hash that is still compared; each lane is a thread."""


class Hasher(Argon2Hasher):
    """pwdlib's hasher, which also tells a lack of memory or threads from a wrong password."""

    def __init__(
        self, *, memory_cost: int, time_cost: int, parallelism: int, max_memory: int
    ) -> None:
        """Hash with these parameters.

        A stored hash is not compared if it takes more than `max_memory` KiB or `MAX_WORK_KIB`, and
        more than a new one. Nor is one with more than `MAX_LANES` lanes.
        """
        super().__init__(memory_cost=memory_cost, time_cost=time_cost, parallelism=parallelism)
        self._max_memory = max(max_memory, memory_cost)
        self._max_work = max(MAX_WORK_KIB, memory_cost * time_cost)

    @classmethod
    def identify(cls, hash: str | bytes) -> bool:  # noqa: A002  As pwdlib's.
        """Tell whether it is a hash of argon2, also with the prefix that Django writes."""
        return super().identify(_without_prefix(hash))

    def hash(self, password: str | bytes, *, salt: bytes | None = None) -> str:
        """Hash a password. Raises `Unavailable` if there is no memory for it."""
        try:
            return super().hash(password, salt=salt)
        except HashingError as exc:
            _require_resources(exc)
            raise

    def verify(self, password: str | bytes, hash: str | bytes) -> bool:  # noqa: A002  As pwdlib's.
        """Compare a password with a hash.

        Raises `Unavailable` if there is no memory for it, and `UnusableHash` if the hash is
        malformed or too costly.
        """
        stored = _without_prefix(hash)
        try:
            self._require_bounded(stored)
            # Not pwdlib's own `verify`: it returns False for any failure.
            return self._hasher.verify(stored, password)
        except VerifyMismatchError:
            return False
        except VerificationError as exc:
            _require_resources(exc)
            raise UnusableHash(MALFORMED) from exc
        except InvalidHashError as exc:
            raise UnusableHash(MALFORMED) from exc

    def check_needs_rehash(self, hash: str | bytes) -> bool:  # noqa: A002  As pwdlib's.
        """Tell whether a new hash would have other parameters."""
        return super().check_needs_rehash(_without_prefix(hash))

    def _require_bounded(self, stored: str) -> None:
        needs = extract_parameters(stored)
        if needs.memory_cost > self._max_memory:
            raise UnusableHash(f"argon2 with more than {self._max_memory // 1024} MiB of memory")
        if needs.memory_cost * needs.time_cost > self._max_work:
            raise UnusableHash("argon2 with too many passes over its memory")
        if needs.parallelism > MAX_LANES:
            raise UnusableHash(f"argon2 with more than {MAX_LANES} lanes")


def _without_prefix(stored: str | bytes) -> str:
    """Return the hash as argon2 writes it; Django writes `argon2$argon2id$…`."""
    text = ensure_str(stored)
    return text.removeprefix("argon2") if text.startswith("argon2$argon2") else text


def _require_resources(error: HashingError | VerificationError) -> None:
    if resource := _SHORT_OF.get(str(error)):
        raise Unavailable(f"this machine is short of {resource} to hash a password") from error
