"""The app's hooks after a commit: each runs in a task of its own."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias, TypeVar

from tokenpair.cancelling import cancelled_tasks_as_errors
from tokenpair.core.events import Event
from tokenpair.coroutines import require_async
from tokenpair.hooks.checks import name_of, require_event

_log = logging.getLogger(__name__)

AFTER_SECONDS = 30.0
"""Longest time that a hook after a commit may take, in seconds."""

AT_ONCE = 1000
"""Highest number of hooks after a commit that run at the same time in a worker."""

CLOSE_SECONDS = 10.0
"""Longest wait for running hooks when the `Auth` closes, in seconds."""

EventT = TypeVar("EventT", bound=Event)

AfterHook: TypeAlias = Callable[[EventT], Awaitable[None]]


class AfterHooks:
    """The hooks that run after the commit of an event, each in a task of its own."""

    def __init__(
        self,
        listen: Callable[[Callable[[Event], None]], None],
        *,
        seconds: float = AFTER_SECONDS,
        at_once: int = AT_ONCE,
        close_seconds: float = CLOSE_SECONDS,
    ) -> None:
        """`listen` adds a listener of events; `finish` waits up to `close_seconds`.

        Each hook may take `seconds`, and up to `at_once` run at the same time.
        """
        self._listen = listen
        self._seconds = seconds
        self._at_once = at_once
        self._is_full = False
        self._close_seconds = close_seconds
        self._hooks: list[tuple[type[Event], AfterHook[Any]]] = []
        self._running: set[asyncio.Task[None]] = set()

    def add(self, kind: type[EventT], hook: AfterHook[EventT]) -> None:
        """Run `hook` for events of this class. Raises `ConfigurationError`."""
        require_event(kind)
        require_async(hook, f"the hook {name_of(hook)}")
        if not self._hooks:  # Without hooks, an event costs nothing here.
            self._listen(self.tell)
        self._hooks.append((kind, hook))

    def tell(self, event: Event) -> None:
        """Start the hooks of an event, unless too many are running."""
        for kind, hook in self._hooks:
            if isinstance(event, kind) and self._has_room(hook, event):
                task = asyncio.ensure_future(self._run(hook, event))
                self._running.add(task)
                task.add_done_callback(self._running.discard)

    def _has_room(self, hook: AfterHook[Any], event: Event) -> bool:
        was_full, self._is_full = self._is_full, len(self._running) >= self._at_once
        if self._is_full and not was_full:  # Once, not for each event until there is room.
            _log.error(
                "the hook %s of %s was not started, because %d hooks are running; others will not "
                "be started either until one has ended: let each do less, or hand over its work",
                name_of(hook),
                type(event).__name__,
                len(self._running),
            )
        return not self._is_full

    async def _run(self, hook: AfterHook[Any], event: Event) -> None:
        what = name_of(hook), type(event).__name__
        try:
            async with cancelled_tasks_as_errors(), asyncio.timeout(self._seconds) as deadline:
                await hook(event)
        except Exception:  # noqa: BLE001  Any error: nothing undoes what has happened.
            if deadline.expired():
                _log.warning(
                    "the hook %s of %s took longer than %g s, and was cancelled; what has happened "
                    "stays",
                    *what,
                    self._seconds,
                )
            else:
                _log.exception("the hook %s of %s failed; what has happened stays", *what)

    async def finish(self) -> None:
        """Wait until all hooks have ended, also those that they start. Cancel the late ones."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._close_seconds
        while self._running and (left := deadline - loop.time()) > 0:
            await asyncio.wait(self._running, timeout=left)
        late = set(self._running)
        for task in late:
            task.cancel()
        if late:
            _log.warning(
                "%d hooks have not ended within %g s, and were cancelled",
                len(late),
                self._close_seconds,
            )
            await asyncio.wait(late, timeout=1)
