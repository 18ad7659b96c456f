"""How tests wait: on a condition, and long enough for a machine that is busy with other work."""

import asyncio
import time
from collections.abc import Callable

import httpx2

LIMIT_SECONDS = 120
"""Longer than anything in the tests takes. Only a test that fails waits so long."""


def limit() -> asyncio.Timeout:
    """Return a context manager that ends what hangs: `async with limit():`."""
    return asyncio.timeout(LIMIT_SECONDS)


async def eventually(condition: Callable[[], bool], seconds: float = LIMIT_SECONDS) -> None:
    """Wait until the condition holds. Raises TimeoutError when it does not."""
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.01)


def wait_until(condition: Callable[[], bool]) -> None:
    """Wait, without an event loop, until the condition holds. Raises TimeoutError."""
    deadline = time.monotonic() + LIMIT_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"the condition did not hold within {LIMIT_SECONDS} s")
        time.sleep(0.02)


def give_servers_time() -> None:
    """Let httpx2 wait for an answer as long as everything else here; by default it is 5 s."""
    default = httpx2._config.DEFAULT_TIMEOUT_CONFIG
    default.connect = default.read = default.write = default.pool = LIMIT_SECONDS
