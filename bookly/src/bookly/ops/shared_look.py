"""One look for all callers at the same moment, and its result for a while after."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

_T = TypeVar("_T")


class SharedLook(Generic[_T]):
    """Returns the result of a look that began at most `seconds` ago; callers share it.

    `monotonic` returns seconds. An error of the look is raised for each caller.
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
        """Return the result."""
        if self._task is None or not self._is_usable(self._task):
            self._began_at = self._monotonic()
            self._task = asyncio.create_task(self._run())
        # A caller that is cancelled must not cancel the look of the others.
        return await asyncio.shield(self._task)

    async def _run(self) -> _T:
        return await self._look()

    def _is_usable(self, task: asyncio.Task[_T]) -> bool:
        if not task.done():
            return task.get_loop() is asyncio.get_running_loop()
        return not task.cancelled() and self._monotonic() - self._began_at < self._seconds
