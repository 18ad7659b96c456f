"""The app's hooks: its own code that runs when something happens.

A hook within a transaction runs where the event is recorded, and its error rolls all of it back. A
hook after the commit runs in a task of its own, and its error is logged. No flow knows either.
"""

import asyncio
import inspect
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeAlias, TypeVar

from tokenpair.core.events import Event, HookedEvent, RecordedEvent
from tokenpair.errors import AuthError, ConfigurationError, Unavailable
from tokenpair.ports import Export, OneTimeTokens, Outbox, Sessions, UnitOfWork, Users

_log = logging.getLogger(__name__)

HOOK_SECONDS = 5.0
"""Longest time that a hook within a transaction may take, in seconds."""

CLOSE_SECONDS = 10.0
"""Longest wait for running hooks when the `Auth` closes, in seconds."""

HookedT = TypeVar("HookedT", bound=HookedEvent)
EventT = TypeVar("EventT", bound=Event)

WithinHook: TypeAlias = Callable[[HookedT, UnitOfWork], Awaitable[None]]
AfterHook: TypeAlias = Callable[[EventT], Awaitable[None]]


class HookFailed(Unavailable):
    """A hook within a transaction has failed, and all of the transaction was rolled back."""


class WithinHooks:
    """The hooks that run within the transaction of an event, in the order of registration."""

    def __init__(self, seconds: float = HOOK_SECONDS) -> None:
        """Each hook may take `seconds`."""
        self._seconds = seconds
        self._hooks: list[tuple[type[Event], WithinHook[Any]]] = []

    def add(self, kind: type[HookedT], hook: WithinHook[HookedT]) -> None:
        """Run `hook` for events of this class. Raises `ConfigurationError`."""
        _require_event(kind)
        if not issubclass(kind, HookedEvent):
            raise ConfigurationError(
                f"within({_name(kind)}): a hook that raises would roll this event back. "
                f"Choose {_names_of(HookedEvent)}, or use after({_name(kind)})"
            )
        _require_async(hook)
        self._hooks.append((kind, hook))

    def __bool__(self) -> bool:
        return bool(self._hooks)

    async def run(self, event: HookedEvent, tx: UnitOfWork) -> None:
        """Run the hooks of an event. Raises their `AuthError`, and `HookFailed`."""
        for kind, hook in self._hooks:
            if isinstance(event, kind):
                await self._run(hook, event, tx)

    async def _run(self, hook: WithinHook[Any], event: HookedEvent, tx: UnitOfWork) -> None:
        try:
            async with asyncio.timeout(self._seconds):
                await hook(event, tx)
                if tx.connection is not None:
                    # Without it, PostgreSQL would turn the commit into a rollback in silence, if
                    # the hook has caught an error of the database.
                    await tx.connection.exec_driver_sql("SELECT 1")
        except AuthError:
            raise
        except Exception as exc:  # A hook is the app's code, and may raise any error.
            reason = f"the hook {_name(hook)} of {type(event).__name__} failed"
            if isinstance(exc, TimeoutError):
                reason = f"{reason} or took longer than {self._seconds:g} s"
            _log.exception(
                "%s, and everything was rolled back; to refuse a request, raise an AuthError",
                reason,
            )
            raise HookFailed(reason) from exc


class HookedUnitOfWork:
    """A unit of work that runs the hooks of its events."""

    def __init__(self, tx: UnitOfWork, hooks: WithinHooks) -> None:
        self._tx = tx
        self._hooks = hooks
        self._seen = 0

    @property
    def users(self) -> Users:
        return self._tx.users

    @property
    def sessions(self) -> Sessions:
        return self._tx.sessions

    @property
    def one_time(self) -> OneTimeTokens:
        return self._tx.one_time

    @property
    def outbox(self) -> Outbox:
        return self._tx.outbox

    @property
    def export(self) -> Export:
        return self._tx.export

    @property
    def connection(self) -> Any:  # noqa: ANN401  As the port, without SQLAlchemy.
        return self._tx.connection

    @property
    def recorded(self) -> Sequence[RecordedEvent]:
        return self._tx.recorded

    async def record(self, *events: RecordedEvent) -> None:
        await self._tx.record(*events)
        await self.run_hooks()

    async def run_hooks(self) -> None:
        """Run the hooks of the events since the last call, also those that a store recorded."""
        while self._seen < len(self._tx.recorded):
            event = self._tx.recorded[self._seen]
            self._seen += 1
            if isinstance(event, HookedEvent):
                await self._hooks.run(event, self._tx)


class AfterHooks:
    """The hooks that run after the commit of an event, each in a task of its own."""

    def __init__(
        self,
        listen: Callable[[Callable[[Event], None]], None],
        *,
        close_seconds: float = CLOSE_SECONDS,
    ) -> None:
        """`listen` adds a listener of events; `finish` waits up to `close_seconds`."""
        self._listen = listen
        self._close_seconds = close_seconds
        self._hooks: list[tuple[type[Event], AfterHook[Any]]] = []
        self._running: set[asyncio.Task[None]] = set()

    def add(self, kind: type[EventT], hook: AfterHook[EventT]) -> None:
        """Run `hook` for events of this class. Raises `ConfigurationError`."""
        _require_event(kind)
        _require_async(hook)
        if not self._hooks:  # Without hooks, an event costs nothing here.
            self._listen(self.tell)
        self._hooks.append((kind, hook))

    def tell(self, event: Event) -> None:
        """Start the hooks of an event."""
        for kind, hook in self._hooks:
            if isinstance(event, kind):
                task = asyncio.ensure_future(_logged(hook, event))
                self._running.add(task)
                task.add_done_callback(self._running.discard)

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


class Hookable:
    """The part of an `Auth` where an app registers its hooks."""

    _within: WithinHooks
    _after: AfterHooks

    def within(self, event: type[HookedT]) -> Callable[[WithinHook[HookedT]], WithinHook[HookedT]]:
        """Decorate a hook that runs in the transaction of an event, before its commit.

        `event` is one of the subclasses of `HookedEvent`. The hook, `async def hook(event, tx)`,
        may write with `tx`, or raise an `AuthError` to refuse. Any other error, or more than 5
        seconds, is `Unavailable` for the caller. With each of them, all is rolled back. The hook
        must not call a verb of `Auth`, which raises `RuntimeError` there. Raises
        `ConfigurationError`.
        """

        def decorate(hook: WithinHook[HookedT]) -> WithinHook[HookedT]:
            self._within.add(event, hook)
            return hook

        return decorate

    def after(self, event: type[EventT]) -> Callable[[AfterHook[EventT]], AfterHook[EventT]]:
        """Decorate a hook that runs after an event, when its transaction is committed.

        `event` is any class of `tokenpair.events`; with a base class, the hook runs for all its
        subclasses. The hook, `async def hook(event)`, runs in a task of its own. Its error is
        logged and changes nothing. `close` waits for it, up to 10 seconds. Raises
        `ConfigurationError`.
        """

        def decorate(hook: AfterHook[EventT]) -> AfterHook[EventT]:
            self._after.add(event, hook)
            return hook

        return decorate


async def _logged(hook: AfterHook[Any], event: Event) -> None:
    try:
        await hook(event)
    except Exception:  # noqa: BLE001  What a hook does must not undo what has happened.
        _log.exception(
            "the hook %s of %s failed; what has happened stays", _name(hook), type(event).__name__
        )


def _require_async(hook: object) -> None:
    called = getattr(type(hook), "__call__", None)  # noqa: B004  A callable object's method.
    if not (inspect.iscoroutinefunction(hook) or inspect.iscoroutinefunction(called)):
        raise ConfigurationError(
            f"the hook {_name(hook)} must be a coroutine function: write `async def`"
        )


def _require_event(kind: object) -> None:
    if not (isinstance(kind, type) and issubclass(kind, Event)):
        raise ConfigurationError(
            f"{_name(kind)} is not an event: choose a class of tokenpair.events"
        )


def _name(thing: object) -> str:
    return str(getattr(thing, "__name__", None) or type(thing).__name__)


def _names_of(base: type) -> str:
    # A set: a dataclass with slots is a copy of a class that may still be there.
    kinds: set[type] = set(base.__subclasses__())
    for each in tuple(kinds):
        kinds.update(each.__subclasses__())
    return ", ".join(sorted({each.__name__ for each in kinds}))
