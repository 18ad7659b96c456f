"""The turn to write to an SQLite file, shared by all writers of this process.

SQLite has one writer at a time. Its own waiting polls and is unfair; waiting in asyncio is neither.
"""

import asyncio
from asyncio import AbstractEventLoop
from weakref import WeakKeyDictionary, WeakValueDictionary

from tokenpair.errors import Unavailable

# Not `asyncio.Lock`, which counts as free as soon as it is released, although others wait for it.
_Lock = asyncio.Semaphore
_LocksByPath = WeakValueDictionary[str, _Lock]

# A lock belongs to one event loop. Apps in several threads have several loops, and then SQLite's
# own lock keeps them apart.
_locks: WeakKeyDictionary[AbstractEventLoop, _LocksByPath] = WeakKeyDictionary()


class WriteLock:
    """A context manager that is held while writing. Raises `Unavailable` after `seconds`.

    All objects with the same path share one lock. One object serves one event loop after another,
    not two at once.
    """

    def __init__(self, path: str, seconds: float) -> None:
        self._path = path
        self._seconds = seconds
        self._loop: AbstractEventLoop | None = None
        self._lock = _Lock(1)

    async def __aenter__(self) -> None:
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            self._loop, self._lock = loop, _lock_of(loop, self._path)
        if not self._lock.locked():
            await self._lock.acquire()
            return
        try:
            async with asyncio.timeout(self._seconds):
                await self._lock.acquire()
        except TimeoutError as exc:
            raise Unavailable("timed out waiting for the write lock") from exc

    async def __aexit__(self, *_: object) -> None:
        self._lock.release()


def _lock_of(loop: AbstractEventLoop, path: str) -> _Lock:
    return _locks.setdefault(loop, _LocksByPath()).setdefault(path, _Lock(1))
