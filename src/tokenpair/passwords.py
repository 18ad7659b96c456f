"""argon2id in a bounded pool of threads, off the event loop."""

import asyncio
import contextlib
import os
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

from pwdlib import PasswordHash
from pwdlib.exceptions import PwdlibError

from tokenpair.argon2_hasher import Hasher
from tokenpair.core.accounts.password_policy import normalise_password
from tokenpair.errors import Unavailable
from tokenpair.machine import usable_cores, usable_memory
from tokenpair.ports import Verified
from tokenpair.shortage import SHORTAGES, shortage

_T = TypeVar("_T")

NICENESS = 10
"""Niceness of the hashing threads: they get a tenth of a request's share of a busy core."""

MAX_WAITING = 100
"""Number of callers that may wait for a hash; further ones get `Unavailable`."""

MAX_WAITING_ESTIMATES = 50
"""Number of sign-ups that may wait for an estimate of their password's strength."""


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
    """

    def __init__(
        self,
        cost: Argon2Cost | None = None,
        *,
        threads: int | None = None,
        max_waiting: int = MAX_WAITING,
    ) -> None:
        cost = cost or Argon2Cost()
        self._passwords = PasswordHash(
            (
                Hasher(
                    memory_cost=cost.memory_kib,
                    time_cost=cost.time,
                    parallelism=cost.parallelism,
                ),
            )
        )
        threads = threads or threads_for(cost)
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

    async def verify(self, password: str, password_hash: str | None) -> Verified:
        """Compare a password with a hash. None takes the same work and is never right."""
        normalised = normalise_password(password)
        return await self._hashing.run(lambda: self._verify(normalised, password_hash))

    def _verify(self, password: str, password_hash: str | None) -> Verified:
        if password_hash is not None:
            try:
                is_right, new_hash = self._passwords.verify_and_update(password, password_hash)
            except PwdlibError:
                pass  # Not a hash of ours: as with no account, below.
            else:
                return Verified(is_right=is_right, new_hash=new_hash)
        self._passwords.verify(password, self._decoy_hash)
        return Verified(is_right=False)

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


def _yield_to_requests() -> None:
    """Lower this thread's priority: a log-in may take longer, other requests should not.

    On Linux niceness belongs to the thread; elsewhere it would be that of the whole process.
    """
    if sys.platform == "linux":
        with contextlib.suppress(OSError):  # A sandbox may forbid it.
            os.nice(NICENESS)
