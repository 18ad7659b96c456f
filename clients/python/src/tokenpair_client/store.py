"""Where a pair is kept: the port, and the store in memory."""

import threading
from typing import Protocol

from tokenpair_client.pair import Pair


class Store(Protocol):
    """Keeps one pair. All methods are called between `try_lock` and `unlock`, but `read`.

    They may block, and are called in a worker thread by async code. They raise `StoreError`.
    """

    def read(self) -> Pair | None:
        """Return the pair, or None if there is none. Called at any time."""

    def write(self, pair: Pair) -> None:
        """Replace the pair, wholly or not at all."""

    def clear(self) -> None:
        """Forget the pair. Without a pair, do nothing."""

    def try_lock(self) -> bool:
        """Take the lock and return True; return False at once if another user of it has it.

        All that share the store share the lock, other processes too. Its owner may hold it for
        more than a minute, and may call `unlock` from another thread.
        """

    def unlock(self) -> None:
        """Return the lock."""


class MemoryStore:
    """Keeps the pair in this object. Several `PairAuth` in one process may share it."""

    def __init__(self, pair: Pair | None = None) -> None:
        self._pair = pair
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"MemoryStore({self._pair!r})"

    def read(self) -> Pair | None:
        """Return the pair."""
        return self._pair

    def write(self, pair: Pair) -> None:
        """Replace the pair."""
        self._pair = pair

    def clear(self) -> None:
        """Forget the pair."""
        self._pair = None

    def try_lock(self) -> bool:
        """Take the lock, if it is free."""
        return self._lock.acquire(blocking=False)

    def unlock(self) -> None:
        """Return the lock."""
        self._lock.release()
