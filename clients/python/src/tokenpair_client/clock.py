"""Time, which a test replaces."""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import anyio


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """The clocks that are read, and the two ways to wait. All times are in seconds.

    `monotonic` decides when a pair is due, so a changed wall clock changes nothing. `wall`, since
    the epoch, only tells how old a pair is that another process has stored.
    """

    monotonic: Callable[[], float] = time.monotonic
    wall: Callable[[], float] = time.time
    sleep: Callable[[float], None] = time.sleep
    async_sleep: Callable[[float], Awaitable[None]] = anyio.sleep
