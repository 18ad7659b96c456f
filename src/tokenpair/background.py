"""Work that an open `Auth` repeats beside the requests: keys, pruning, mail, the heartbeat."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from tokenpair.alarm import Alarm
from tokenpair.errors import TokenPairError

_log = logging.getLogger(__name__)

STOP_SECONDS = 1.0
"""Longest wait for rounds that are running when the tasks are stopped, in seconds."""


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
        self._in_round: set[str] = set()
        self._is_stopping = False

    def start(self) -> None:
        """Start, in the running event loop. Starting twice is fine."""
        if not self._running:
            self._is_stopping = False
            self._running = [
                asyncio.create_task(self._repeat(task), name=_name_of(task))
                for task in self._to_repeat
            ]

    async def stop(self) -> None:
        """End each task, and wait until it has ended. Stopping twice is fine.

        A round that is running may finish: cancelled while it connects to the database, it would
        leave a connection open.
        """
        running, self._running = self._running, []
        self._is_stopping = True
        rounds = [each for each in running if each.get_name() in self._in_round]
        for task in running:
            if task not in rounds:
                task.cancel()
        if rounds:
            await asyncio.wait(rounds, timeout=STOP_SECONDS)
        for task in rounds:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    async def _repeat(self, task: BackgroundTask) -> None:
        last_error = ""
        while not self._is_stopping:
            await (task.alarm.wait(task.seconds) if task.alarm else asyncio.sleep(task.seconds))
            last_error = await self._round(task, last_error)

    async def _round(self, task: BackgroundTask, last_error: str) -> str:
        """Run one round, and return the text of an error that was logged."""
        name = _name_of(task)
        self._in_round.add(name)
        try:
            await task.run()
        except TokenPairError as exc:
            if str(exc) != last_error:  # Logged once, not in every round until it is fixed.
                _log.warning("%s: %s", task.name, exc)
            return str(exc)
        except Exception:  # noqa: BLE001  A bug in one round must not end all later rounds.
            _log.exception("%s failed", task.name)
            return last_error
        finally:
            self._in_round.discard(name)
        return ""


def _name_of(task: BackgroundTask) -> str:
    return f"tokenpair: {task.name}"
