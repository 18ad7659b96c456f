"""The time: of the wall, by a clock that counts every pause, and a heartbeat."""

import math
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial


def utc_now() -> datetime:
    """Return the current time, in UTC."""
    return datetime.now(UTC)


# On Linux the monotonic clock stands still while the machine is suspended.
boot_seconds: Callable[[], float] = (
    partial(time.clock_gettime, time.CLOCK_BOOTTIME)
    if hasattr(time, "CLOCK_BOOTTIME")
    else time.monotonic
)
"""Return seconds by a clock that only runs forward, also while the machine is suspended."""

BEAT_SECONDS = 0.25
"""Interval between two heartbeats, in seconds."""

_DOUBT_SECONDS = 30.0
_MIN_GAP_SECONDS = 1.0


class Heartbeat:
    """Knows whether the event loop has just stood still: SIGSTOP, a suspended machine, a long call.

    Requests that waited in the sockets meanwhile may be of any age. After a stop, sockets are
    served before timers. So `stood_still` compares with the last beat instead of waiting for the
    next one.
    """

    def __init__(
        self, superseded: timedelta, *, seconds: Callable[[], float] = boot_seconds
    ) -> None:
        """A gap longer than an eighth of the superseded window, and than a second, is a stop."""
        self._max_gap = max(_MIN_GAP_SECONDS, superseded.total_seconds() / 8)
        self._seconds = seconds
        self._beaten_at = math.inf
        self._stood_still_until = -math.inf

    def start(self) -> None:
        """Measure from now on. `beat` must be called every `BEAT_SECONDS`."""
        self._beaten_at = self._seconds()

    def stop(self) -> None:
        """Stop measuring: no stop is noticed until `start`."""
        self._beaten_at = math.inf

    async def beat(self) -> None:
        """Note that the event loop runs."""
        self._beaten_at = self._look()

    def stood_still(self) -> bool:
        """Has the event loop stood still within the last 30 seconds?"""
        return self._look() < self._stood_still_until + _DOUBT_SECONDS

    def _look(self) -> float:
        now = self._seconds()
        if now - self._beaten_at > self._max_gap:
            self._stood_still_until = now
        return now
