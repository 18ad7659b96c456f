"""Require that the app's code can be awaited, when it is passed and not when it is first called.

Found later, a breach check would fail for each password, and a mail would be sent in each attempt.
"""

import functools
import inspect

from tokenpair.errors import ConfigurationError


def require_async(called: object, name: str) -> None:
    """Require a coroutine function, or an object with `async def __call__`.

    A `functools.partial` is what it calls, and a function that `inspect.markcoroutinefunction` has
    marked counts. A synchronous wrapper, even with `functools.wraps`, does not: it may return a
    plain value. `name` is what to call it in the `ConfigurationError`.
    """
    while isinstance(called, functools.partial):
        called = called.func
    method = getattr(type(called), "__call__", None)  # noqa: B004  A callable object's method.
    if not (inspect.iscoroutinefunction(called) or inspect.iscoroutinefunction(method)):
        raise ConfigurationError(
            f"{name} must be a coroutine function: write `async def`, or, from Python 3.12, mark "
            "a function that returns an awaitable with inspect.markcoroutinefunction"
        )


def require_async_method(owner: object, method: str) -> None:
    """Require that an object has a method that can be awaited. Raises `ConfigurationError`."""
    require_async(getattr(owner, method, None), f"{type(owner).__name__}.{method}")
