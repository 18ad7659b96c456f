"""One look for all who ask at the same moment, and its answer for a while after."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

_T = TypeVar("_T")


class SharedLook(Generic[_T]):
    """Answers from a look that began at most `seconds` ago; callers who come meanwhile share it.

    `monotonic` returns seconds. What the look raises is raised for each caller.
    """

    def __init__(
        self,
        look: Callable[[], Awaitable[_T]],
        *,
        seconds: float,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._look = look
        self._seconds = seconds
        self._monotonic = monotonic
        self._task: asyncio.Task[_T] | None = None
        self._began_at = 0.0

    async def __call__(self) -> _T:
        """Return the answer."""
        if self._task is None or not self._is_usable(self._task):
            self._began_at = self._monotonic()
            self._task = asyncio.create_task(self._run())
        # A caller who goes away must not end the look of the others.
        return await asyncio.shield(self._task)

    async def _run(self) -> _T:
        return await self._look()

    def _is_usable(self, task: asyncio.Task[_T]) -> bool:
        if not task.done():
            return task.get_loop() is asyncio.get_running_loop()
        return not task.cancelled() and self._monotonic() - self._began_at < self._seconds
