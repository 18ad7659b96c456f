"""Work that an open `Auth` repeats beside the requests: keys, pruning, mail, the heartbeat."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from tokenpair.alarm import Alarm
from tokenpair.errors import TokenPairError

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class BackgroundTask:
    """Work to repeat, with a pause of `seconds` before each round; `alarm` ends a pause early."""

    name: str
    run: Callable[[], Awaitable[object]]
    seconds: float
    alarm: Alarm | None = None


class Background:
    """Repeats each task in an asyncio task of its own. A round that fails is logged."""

    def __init__(self, *tasks: BackgroundTask) -> None:
        self._to_repeat = tasks
        self._running: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Start, in the running event loop. Starting twice is fine."""
        if not self._running:
            self._running = [
                asyncio.create_task(_repeat(task), name=f"tokenpair: {task.name}")
                for task in self._to_repeat
            ]

    async def stop(self) -> None:
        """Cancel each task and wait until it has ended. Stopping twice is fine."""
        running, self._running = self._running, []
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


async def _repeat(task: BackgroundTask) -> None:
    last_error = ""
    while True:
        await (task.alarm.wait(task.seconds) if task.alarm else asyncio.sleep(task.seconds))
        try:
            await task.run()
        except TokenPairError as exc:
            if str(exc) != last_error:  # Logged once, not in every round until it is fixed.
                _log.warning("%s: %s", task.name, exc)
            last_error = str(exc)
        except Exception:  # noqa: BLE001  A bug in one round must not end all later rounds.
            _log.exception("%s failed", task.name)
        else:
            last_error = ""
