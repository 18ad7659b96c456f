"""Hooks, mail senders and breach checks of the app are refused at the start, if not `async`."""

import functools
import inspect
from collections.abc import Awaitable
from typing import Any

import pytest

from tokenpair import BreachOptions, MailOptions
from tokenpair.errors import ConfigurationError
from tokenpair.events import SignedUp
from tokenpair.testing import make_auth


async def coroutine_function(*_: object) -> None: ...


class AsyncCall:
    async def __call__(self, *_: object) -> None: ...


def returns_an_awaitable(*_: object) -> Awaitable[None]:
    return coroutine_function()


@functools.wraps(coroutine_function)
def wraps_a_coroutine_function(*_: object) -> None: ...


class PlainCall:
    def __call__(self, *_: object) -> None: ...


ACCEPTED = {
    "async def": coroutine_function,
    "async __call__": AsyncCall(),
    "partial": functools.partial(coroutine_function, 1),
    "partial of async __call__": functools.partial(AsyncCall(), 1),
}
if hasattr(inspect, "markcoroutinefunction"):  # From Python 3.12.
    ACCEPTED["marked"] = inspect.markcoroutinefunction(returns_an_awaitable)

REFUSED = {
    "def": PlainCall.__call__,
    "__call__": PlainCall(),
    "partial": functools.partial(PlainCall(), 1),
    "wraps": wraps_a_coroutine_function,
    "class": AsyncCall,
    "not callable": 1,
}


def pass_to_all(code: Any) -> list[str]:
    """Pass code to each place that awaits it, and return the errors."""
    owner: Any = type(
        "Owner", (), {"send": staticmethod(code), "is_breached": staticmethod(code)}
    )()
    auth = make_auth()
    errors = []
    for place in (
        auth.within(SignedUp),
        auth.after(SignedUp),
        lambda _: MailOptions(sender=owner),
        lambda _: BreachOptions(check=owner),
    ):
        try:
            place(code)
        except ConfigurationError as exc:
            errors.append(str(exc))
    return errors


@pytest.mark.parametrize("name", ACCEPTED)
def test_what_can_be_awaited_is_accepted_everywhere(name: str) -> None:
    assert pass_to_all(ACCEPTED[name]) == []


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_awaited_is_refused_everywhere(name: str) -> None:
    errors = pass_to_all(REFUSED[name])

    assert len(errors) == 4
    assert all("must be a coroutine function: write `async def`" in each for each in errors)
