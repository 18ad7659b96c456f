"""Where an app registers its hooks."""

from collections.abc import Callable

from tokenpair.hooks.after import AfterHook, AfterHooks, EventT
from tokenpair.hooks.within import HookedT, WithinHook, WithinHooks


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
        logged and changes nothing. After 30 seconds it is cancelled, and while 1000 hooks are
        running, no other is started; both are logged. `close` waits for it, up to 10 seconds.
        Raises `ConfigurationError`.
        """

        def decorate(hook: AfterHook[EventT]) -> AfterHook[EventT]:
            self._after.add(event, hook)
            return hook

        return decorate
