"""Carries out a session's steps: one renewal at a time, in threads and in event loops."""

import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import TypeVar, cast
from weakref import WeakKeyDictionary

import anyio
from anyio.lowlevel import current_token

from tokenpair_client.clock import Clock
from tokenpair_client.errors import NoAnswer
from tokenpair_client.session import LOCK_PAUSE, LOCK_SECONDS
from tokenpair_client.steps import Ask, Done, Outcome, Step, Steps, advance
from tokenpair_client.transport import Transport

Result = TypeVar("Result")


class Driver:
    """Runs steps with requests and pauses. `may_block`: whether the store blocks the thread."""

    def __init__(self, transport: Transport, clock: Clock, *, may_block: bool) -> None:
        self._transport = transport
        self._clock = clock
        self._may_block = may_block
        self._lock = threading.Lock()
        # One for each event loop, as long as the loop exists.
        self._task_locks: WeakKeyDictionary[object, anyio.Lock] = WeakKeyDictionary()

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
            walk = _Walk(steps)
            outcome: Outcome | None = None
            try:
                while not isinstance(step := await self._advance(walk, outcome), Done):
                    outcome = None
                    if isinstance(step, Ask):
                        outcome = await self._transport.ask_async(step)
                    else:
                        await self._clock.async_sleep(step.seconds)
            finally:
                walk.close()
        return cast("Result", step.result)

    async def _advance(self, walk: "_Walk", outcome: Outcome | None) -> Step | Done:
        if not self._may_block:
            return walk.advance(outcome)
        # With a limiter of its own, because the app's waiting requests may use all other threads.
        limiter = anyio.CapacityLimiter(1)
        return await anyio.to_thread.run_sync(walk.advance, outcome, limiter=limiter)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        # With a limit: a blocking call inside an event loop may stop the task that has the lock.
        if not self._lock.acquire(timeout=2 * LOCK_SECONDS):
            raise NoAnswer(
                "another thread has been renewing for too long; use AsyncClient in async code"
            )
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
        return self._task_locks.setdefault(current_token().native_token, anyio.Lock())


class _Walk:
    """Steps that a thread may take.

    A cancelled task does not wait for its thread, but `close` does. Otherwise, the thread would
    keep the store's lock.
    """

    def __init__(self, steps: Steps[object]) -> None:
        self._steps = steps
        self._lock = threading.Lock()

    def advance(self, outcome: Outcome | None) -> Step | Done:
        with self._lock:
            return advance(self._steps, outcome)

    def close(self) -> None:
        with self._lock:
            self._steps.close()
