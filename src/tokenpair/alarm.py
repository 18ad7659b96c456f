"""What ends the pause of a background task early."""

import asyncio
import contextlib


class Alarm:
    """Rings in the event loop that waits for it. It may be used in several loops in turn."""

    def __init__(self) -> None:
        self._has_rung = False
        self._waiting: asyncio.Event | None = None

    def ring(self) -> None:
        """End the current wait, or the next one."""
        self._has_rung = True
        if self._waiting:
            self._waiting.set()

    async def wait(self, seconds: float) -> None:
        """Wait until it rings, at most for `seconds`."""
        self._waiting = event = asyncio.Event()
        try:
            if not self._has_rung:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(seconds):
                        await event.wait()
        finally:
            self._waiting = None
        self._has_rung = False
