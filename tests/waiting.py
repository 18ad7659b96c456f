"""How tests wait: for a condition, and long enough for a busy machine."""

import asyncio
import time
from collections.abc import Callable

import httpx2

LIMIT_SECONDS = 120
"""Limit of each wait, in seconds. Only a test that fails waits until it."""


def limit() -> asyncio.Timeout:
    """Return a context manager that cancels a block that hangs: `async with limit():`."""
    return asyncio.timeout(LIMIT_SECONDS)


async def eventually(condition: Callable[[], bool], seconds: float = LIMIT_SECONDS) -> None:
    """Wait until the condition holds. Raises TimeoutError when it does not."""
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.01)


def wait_until(condition: Callable[[], bool], wanted: str = "the condition holds") -> None:
    """Wait, without an event loop, until the condition holds. Raises TimeoutError.

    `wanted` is what the error says to have waited for.
    """
    deadline = time.monotonic() + LIMIT_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {LIMIT_SECONDS} s until {wanted}")
        time.sleep(0.02)


def give_servers_time() -> None:
    """Raise httpx2's timeout from 5 s to that of all other waits here."""
    default = httpx2._config.DEFAULT_TIMEOUT_CONFIG
    default.connect = default.read = default.write = default.pool = LIMIT_SECONDS
