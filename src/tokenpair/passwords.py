"""argon2id in a bounded pool of threads, off the event loop.

Stored hashes of other systems are compared, too.
"""

import asyncio
import contextlib
import logging
import os
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

from pwdlib import PasswordHash
from pwdlib.exceptions import PwdlibError, UnknownHashError

from tokenpair.core.accounts.password_policy import is_encodable, normalise_password
from tokenpair.errors import Unavailable
from tokenpair.hashers.argon2 import Hasher
from tokenpair.hashers.bcrypt import BcryptHasher
from tokenpair.hashers.pbkdf2 import Pbkdf2Hasher
from tokenpair.hashers.scrypt import ScryptHasher
from tokenpair.hashers.unusable import UnusableHash
from tokenpair.machine import usable_cores, usable_memory
from tokenpair.ports import Verified
from tokenpair.shortage import SHORTAGES, shortage

_log = logging.getLogger(__name__)

_T = TypeVar("_T")

NICENESS = 10
"""Niceness of the hashing threads: they get a tenth of a request's share of a busy core."""

MAX_WAITING = 100
"""Number of callers that may wait for a hash; further ones get `Unavailable`."""

MAX_WAITING_ESTIMATES = 50
"""Number of sign-ups that may wait for an estimate of their password's strength."""


UNKNOWN_FORMAT = (
    "has an unknown format. Pass a hash of bcrypt, PBKDF2 (of Django or Werkzeug), scrypt (of "
    "Werkzeug) or argon2; or use a hasher that compares yours; or pass None for no password"
)
"""Reason for the refusal of a hash from another system."""

MAX_HASH_LENGTH = 512
"""Length of the longest stored hash that is read, in characters."""

LEAST_MEMORY_KIB = 128 * 1024
"""Memory that the comparison with a stored hash may take on any machine, in KiB."""

MOST_MEMORY_KIB = 1024 * 1024
"""Memory that the comparison with a stored hash may take at most, in KiB."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Argon2Cost:
    """What one hash costs. The default is OWASP's first choice: 46 MiB, one pass, one lane."""

    memory_kib: int = 47104
    time: int = 1
    parallelism: int = 1


class Argon2Passwords:
    """A `PasswordHasher` with argon2id in a pool of threads.

    A flood of log-ins takes at most `threads` cores, and `threads` times the memory of one hash.
    The default is the number of cores that this process may use, or fewer if their hashes would
    take more than a quarter of its memory. All methods raise `Unavailable` when `max_waiting`
    callers are waiting, and when the machine has no memory or no thread for a hash.

    Stored hashes of bcrypt, PBKDF2 (Django, Werkzeug), scrypt (Werkzeug) and argon2 with other
    parameters are compared as they are; for a right password there is a `new_hash`. A hash of
    another format, and one that would take too much time or memory, is never right; the reason is
    logged once.
    """

    def __init__(
        self,
        cost: Argon2Cost | None = None,
        *,
        threads: int | None = None,
        max_waiting: int = MAX_WAITING,
    ) -> None:
        cost = cost or Argon2Cost()
        threads = threads or threads_for(cost)
        max_memory = max_memory_kib(threads)
        self._passwords = PasswordHash(
            (
                Hasher(
                    memory_cost=cost.memory_kib,
                    time_cost=cost.time,
                    parallelism=cost.parallelism,
                    max_memory=max_memory,
                ),
                BcryptHasher(),
                Pbkdf2Hasher(),
                ScryptHasher(max_memory=max_memory),
            )
        )
        self._logged: set[str] = set()
        self._hashing = _Places("argon2", threads, max_waiting, initializer=_yield_to_requests)
        # Estimates have a thread of their own, so that sign-ups cannot keep users from logging in.
        # One is enough: estimates are Python code, of which one runs at a time. Its priority is
        # normal: a slow thread would hold the interpreter's lock, and requests would wait.
        self._estimating = _Places("password", 1, MAX_WAITING_ESTIMATES)
        # Compared with when there is no account, so that the work is the same. Made here, because
        # making it for the first unknown address would show in the time of that answer.
        self._decoy_hash = self._passwords.hash(os.urandom(16).hex())

    @property
    def running(self) -> int:
        """How many hashes are being computed."""
        return self._hashing.running

    @property
    def waiting(self) -> int:
        """How many callers wait for a hash."""
        return self._hashing.waiting

    async def hash(self, password: str) -> str:
        """Hash a new password."""
        normalised = normalise_password(password)
        return await self._hashing.run(lambda: self._passwords.hash(normalised))

    def format_problem(self, password_hash: str) -> str | None:
        """Return why no password ever matches a stored hash, or None if its format is known."""
        is_known = _is_readable(password_hash) and any(
            each.identify(password_hash) for each in self._passwords.hashers
        )
        return None if is_known else UNKNOWN_FORMAT

    async def verify(self, password: str, password_hash: str | None) -> Verified:
        """Compare a password with a hash. None takes the same work and is never right."""
        # No account has such a password, even if another system has stored the hash of "".
        if not password or not is_encodable(password):
            password, password_hash = password.encode(errors="replace").decode(), None
        return await self._hashing.run(lambda: self._verify(password, password_hash))

    def _verify(self, password: str, password_hash: str | None) -> Verified:
        normalised = normalise_password(password)
        if password_hash is not None:
            try:
                return self._compare(normalised, password, password_hash)
            except PwdlibError as exc:
                self._log_once(exc)
        # Do the same work as for an account with a hash of ours: the time must not tell them apart.
        for form in _forms(normalised, password):
            self._passwords.verify(form, self._decoy_hash)
        return Verified(is_right=False)

    def _compare(self, normalised: str, typed: str, password_hash: str) -> Verified:
        if not _is_readable(password_hash):
            raise UnknownHashError(password_hash)
        for form in _forms(normalised, typed):
            is_right, new_hash = self._passwords.verify_and_update(form, password_hash)
            if is_right:
                if new_hash and form != normalised:
                    new_hash = self._passwords.hash(normalised)
                return Verified(is_right=True, new_hash=new_hash)
        return Verified(is_right=False)

    def _log_once(self, error: PwdlibError) -> None:
        reason = error.message if isinstance(error, UnusableHash) else "its format is not supported"
        if reason not in self._logged:
            self._logged.add(reason)
            _log.warning("a stored password hash cannot be compared with: %s", reason)

    async def in_turn(self, work: Callable[[], _T]) -> _T:
        """Run `work`, an estimate of a password. Raises `Unavailable`, and what `work` raises."""
        return await self._estimating.run(work)


class _Places:
    """A bounded number of threads, and a bounded number of callers that wait for one."""

    def __init__(
        self,
        name: str,
        threads: int,
        max_waiting: int,
        *,
        initializer: Callable[[], None] | None = None,
    ) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix=name, initializer=initializer)
        self._threads = threads
        self._free = self._all = threads + max_waiting

    @property
    def running(self) -> int:
        return min(self._all - self._free, self._threads)

    @property
    def waiting(self) -> int:
        return max(self._all - self._free - self._threads, 0)

    async def run(self, work: Callable[[], _T]) -> _T:
        """Run `work` in a thread. Raises `Unavailable`, and what `work` raises."""
        if self._free <= 0:
            raise Unavailable("too many passwords are waiting to be hashed or estimated")
        self._free -= 1
        try:
            future = asyncio.get_running_loop().run_in_executor(self._pool, work)
        except SHORTAGES as exc:
            self._give_back()  # The pool could not start a thread.
            if short := shortage(exc):
                raise short from exc
            raise
        # Not when the caller is cancelled: the work goes on.
        future.add_done_callback(lambda _: self._give_back())
        try:
            return await asyncio.shield(future)
        except SHORTAGES as exc:
            if short := shortage(exc):
                raise short from exc
            raise

    def _give_back(self) -> None:
        self._free += 1


def threads_for(cost: Argon2Cost) -> int:
    """Return the number of hashes of this cost that may run at once."""
    in_memory = usable_memory() // 4 // (cost.memory_kib * 1024)
    return max(1, min(usable_cores(), in_memory))


def max_memory_kib(threads: int) -> int:
    """Return the memory that one comparison with a stored hash may take, in KiB.

    All threads together take a quarter of this process's memory, as with hashes of today's cost.
    """
    share = usable_memory() // 4 // threads // 1024
    return min(max(share, LEAST_MEMORY_KIB), MOST_MEMORY_KIB)


def _is_readable(password_hash: str) -> bool:
    return len(password_hash) <= MAX_HASH_LENGTH and password_hash.isascii()


def _forms(normalised: str, typed: str) -> list[str]:
    """Return what to compare: NFC, and as typed, because other systems hashed that."""
    return [normalised] if typed == normalised else [normalised, typed]


def _yield_to_requests() -> None:
    """Lower this thread's priority: a log-in may take longer, other requests should not.

    On Linux niceness belongs to the thread; elsewhere it would be that of the whole process.
    """
    if sys.platform == "linux":
        with contextlib.suppress(OSError):  # A sandbox may forbid it.
            os.nice(NICENESS)
