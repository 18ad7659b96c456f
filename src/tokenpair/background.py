"""Work that goes on beside the requests, for as long as an `Auth` is open."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from tokenpair.errors import TokenPairError

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Chore:
    """Something to do again and again, `seconds` after it was last done."""

    name: str
    do: Callable[[], Awaitable[object]]
    seconds: float


class Background:
    """Does its chores, each in a task of its own. One that fails is logged, and tried again."""

    def __init__(self, *chores: Chore) -> None:
        self._chores = chores
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin. Doing it twice is fine."""
        if not self._tasks:
            self._tasks = [
                asyncio.create_task(_repeat(chore), name=f"tokenpair: {chore.name}")
                for chore in self._chores
            ]

    async def stop(self) -> None:
        """Stop, wherever each is. Doing it twice is fine."""
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _repeat(chore: Chore) -> None:
    trouble = ""
    while True:
        await asyncio.sleep(chore.seconds)
        try:
            await chore.do()
        except TokenPairError as exc:
            if str(exc) != trouble:  # Once, and not at every round until somebody mends it.
                _log.warning("%s: %s", chore.name, exc)
            trouble = str(exc)
        except Exception:  # noqa: BLE001  A bug in one round must not be the end of all rounds.
            _log.exception("%s failed", chore.name)
        else:
            trouble = ""
