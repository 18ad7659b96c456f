"""Carries out a session's steps: one renewal at a time, in threads and in event loops."""

import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import TypeVar, cast

import anyio
from anyio.lowlevel import RunVar

from tokenpair_client.clock import Clock
from tokenpair_client.errors import NoAnswer
from tokenpair_client.session import LOCK_PAUSE, LOCK_SECONDS
from tokenpair_client.steps import Ask, Done, Outcome, Step, Steps, advance
from tokenpair_client.transport import Transport

Result = TypeVar("Result")


class Driver:
    """Runs steps with requests and pauses. `may_block` is whether the store does."""

    def __init__(self, transport: Transport, clock: Clock, *, may_block: bool) -> None:
        self._transport = transport
        self._clock = clock
        self._may_block = may_block
        self._lock = threading.Lock()
        # One for each event loop.
        self._task_locks: RunVar[anyio.Lock] = RunVar("tokenpair_client")

    @property
    def is_busy(self) -> bool:
        """Whether steps are being taken."""
        return self._lock.locked()

    def run(self, steps: Steps[Result]) -> Result:
        """Take all steps, and return their result."""
        with self._locked():
            outcome: Outcome | None = None
            try:
                while not isinstance(step := advance(steps, outcome), Done):
                    outcome = None
                    if isinstance(step, Ask):
                        outcome = self._transport.ask(step)
                    else:
                        self._clock.sleep(step.seconds)
            finally:
                steps.close()
        return cast("Result", step.result)

    async def run_async(self, steps: Steps[Result]) -> Result:
        """Take all steps from async code. A task that is cancelled leaves no lock behind."""
        async with self._locked_async():
            outcome: Outcome | None = None
            try:
                while not isinstance(step := await self._advance(steps, outcome), Done):
                    outcome = None
                    if isinstance(step, Ask):
                        outcome = await self._transport.ask_async(step)
                    else:
                        await self._clock.async_sleep(step.seconds)
            finally:
                steps.close()
        return cast("Result", step.result)

    async def _advance(self, steps: Steps[Result], outcome: Outcome | None) -> Step | Done:
        if not self._may_block:
            return advance(steps, outcome)
        # With a limiter of its own, as an app may use all other threads for requests that wait.
        limiter = anyio.CapacityLimiter(1)
        return await anyio.to_thread.run_sync(advance, steps, outcome, limiter=limiter)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        # With a limit: a blocking call inside an event loop may stop the task that has the lock.
        if not self._lock.acquire(timeout=2 * LOCK_SECONDS):
            raise NoAnswer("another thread renews for too long; use AsyncClient in async code")
        try:
            yield
        finally:
            self._lock.release()

    @asynccontextmanager
    async def _locked_async(self) -> AsyncIterator[None]:
        """Take turns with the tasks of this event loop, and then with threads and other loops."""
        async with self._task_lock():
            # An anyio.Event belongs to one loop.
            while not self._lock.acquire(blocking=False):  # noqa: ASYNC110
                await anyio.sleep(LOCK_PAUSE)
            try:
                yield
            finally:
                self._lock.release()

    def _task_lock(self) -> anyio.Lock:
        if (lock := self._task_locks.get(None)) is None:
            self._task_locks.set(lock := anyio.Lock())
        return lock
