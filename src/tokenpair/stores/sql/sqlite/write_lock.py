"""The turn to write to one SQLite file, shared by all writers of this process.

SQLite has one writer at a time. Its own waiting polls and is unfair; an asyncio lock is neither.
"""

import asyncio
from asyncio import AbstractEventLoop
from weakref import WeakKeyDictionary, WeakValueDictionary

from tokenpair.errors import Unavailable

_locks: WeakValueDictionary[str, "WriteLock"] = WeakValueDictionary()


class WriteLock:
    """A context manager that is held while writing. Raises `Unavailable` after `seconds`."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        # One for each event loop: a lock belongs to the loop in which a task first waited for it.
        self._by_loop: WeakKeyDictionary[AbstractEventLoop, asyncio.Lock] = WeakKeyDictionary()

    async def __aenter__(self) -> None:
        lock = self._lock()
        if not lock.locked():
            await lock.acquire()
            return
        try:
            async with asyncio.timeout(self._seconds):
                await lock.acquire()
        except TimeoutError as exc:
            raise Unavailable("waited too long for a turn to write") from exc

    async def __aexit__(self, *_: object) -> None:
        self._lock().release()

    def _lock(self) -> asyncio.Lock:
        return self._by_loop.setdefault(asyncio.get_running_loop(), asyncio.Lock())


def write_lock(path: str, seconds: float) -> WriteLock:
    """Return the lock of a database file. The caller keeps it as long as its connections."""
    return _locks.setdefault(path, WriteLock(seconds))
