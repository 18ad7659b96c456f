"""The app's hooks: its own code that runs when something happens.

A hook within a transaction runs where the event is recorded, and its error rolls all of it back. A
hook after the commit runs in a task of its own, and its error is logged. No flow knows either.
"""

from tokenpair.hooks.after import AfterHooks
from tokenpair.hooks.hookable import Hookable
from tokenpair.hooks.within import HookedUnitOfWork, HookFailed, WithinHooks

__all__ = ["AfterHooks", "HookFailed", "Hookable", "HookedUnitOfWork", "WithinHooks"]
