"""A hasher that records its calls, and that a test can make wait."""

import threading

from pwdlib import PasswordHash

from tests.waiting import LIMIT_SECONDS
from tokenpair.hashers.argon2 import Hasher
from tokenpair.passwords import Argon2Passwords
from tokenpair.testing import CHEAP


class WatchedHasher(Hasher):
    """The real hasher. It records hashes and threads, and waits while `may_go_on` is cleared."""

    def __init__(self) -> None:
        super().__init__(memory_cost=8, time_cost=1, parallelism=1, max_memory=1024)
        self.compared: list[str] = []
        self.threads: set[str] = set()
        self.started = threading.Event()
        self.may_go_on = threading.Event()
        self.may_go_on.set()

    def hash(self, password: str | bytes, *, salt: bytes | None = None) -> str:
        self._work()
        return super().hash(password, salt=salt)

    def verify(self, password: str | bytes, hash: str | bytes) -> bool:  # noqa: A002
        self._work()
        is_right = super().verify(password, hash)
        self.compared.append(str(hash))
        return is_right

    def _work(self) -> None:
        self.threads.add(threading.current_thread().name)
        self.started.set()
        self.may_go_on.wait(LIMIT_SECONDS)


class WatchedPasswords(Argon2Passwords):
    """The real pool, which hashes new passwords with a `WatchedHasher`."""

    def __init__(self, hasher: WatchedHasher, **bounds: int) -> None:
        super().__init__(CHEAP, **bounds)
        self._passwords = PasswordHash((hasher, *self._passwords.hashers[1:]))
