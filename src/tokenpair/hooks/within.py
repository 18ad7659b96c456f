"""The app's hooks within a transaction: they run where the event is recorded."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeAlias, TypeVar

from tokenpair.cancelling import cancelled_tasks_as_errors
from tokenpair.core.events import Event, HookedEvent, RecordedEvent
from tokenpair.coroutines import require_async
from tokenpair.errors import AuthError, ConfigurationError, Unavailable
from tokenpair.hooks.checks import name_of, names_of, require_event
from tokenpair.ports import Export, OneTimeTokens, Outbox, Sessions, UnitOfWork, Users

_log = logging.getLogger(__name__)

HOOK_SECONDS = 5.0
"""Longest time that a hook within a transaction may take, in seconds."""

HookedT = TypeVar("HookedT", bound=HookedEvent)

WithinHook: TypeAlias = Callable[[HookedT, UnitOfWork], Awaitable[None]]


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
        require_event(kind)
        if not issubclass(kind, HookedEvent):
            raise ConfigurationError(
                f"within({name_of(kind)}): a hook that raises would roll this event back. "
                f"Choose {names_of(HookedEvent)}, or use after({name_of(kind)})"
            )
        require_async(hook, f"the hook {name_of(hook)}")
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
            async with cancelled_tasks_as_errors(), asyncio.timeout(self._seconds):
                await hook(event, tx)
                if tx.connection is not None:
                    # Without it, PostgreSQL would turn the commit into a rollback in silence, if
                    # the hook has caught an error of the database.
                    await tx.connection.exec_driver_sql("SELECT 1")
        except Exception as exc:  # A hook may raise any error.
            # A bare `AuthError("...")` has no answer for a client.
            if isinstance(exc, AuthError) and hasattr(exc, "code"):
                raise
            reason = f"the hook {name_of(hook)} of {type(event).__name__} failed"
            if isinstance(exc, TimeoutError):
                reason = f"{reason} or took longer than {self._seconds:g} s"
            _log.exception(
                "%s, and everything was rolled back; to refuse a request, raise an AuthError "
                "of a class with `code` and `detail`",
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
