"""Wake-ups beside the polling: notify other workers, and poll when one of them notifies."""

import asyncio
import logging
from collections.abc import Callable

from tokenpair.errors import Unavailable
from tokenpair.ports import WakeUp

_log = logging.getLogger(__name__)

_RETRY_SECONDS = 1.0
_CLOSE_SECONDS = 2.0


class WakeUps:
    """Two tasks around a `WakeUp`. An error in either is logged; polling goes on without it."""

    def __init__(
        self,
        wake_up: WakeUp,
        *,
        poll_now: Callable[[], None],
        retry_seconds: float = _RETRY_SECONDS,
    ) -> None:
        """`poll_now` is called for each notification of another worker.

        `retry_seconds` is the pause before the next attempt to listen.
        """
        self._wake_up = wake_up
        self._poll_now = poll_now
        self._retry_seconds = retry_seconds
        self._is_due = asyncio.Event()

    def start(self) -> list[asyncio.Task[None]]:
        """Start both tasks; the caller cancels them."""
        # An event belongs to the event loop that first awaited it, which may be closed by now.
        was_due = self._is_due.is_set()
        self._is_due = asyncio.Event()
        if was_due:
            self._is_due.set()
        return [
            asyncio.create_task(self._notify_others(), name="tokenpair: notify workers"),
            asyncio.create_task(self._be_notified(), name="tokenpair: be notified"),
        ]

    def notify_soon(self) -> None:
        """Notify the other workers. Several calls before the task runs become one notification."""
        self._is_due.set()

    async def close(self) -> None:
        """Close the connections, within two seconds. Never raises an `Exception`."""
        try:
            async with asyncio.timeout(_CLOSE_SECONDS):
                await self._wake_up.close()
        except Exception:  # noqa: BLE001  A server's error must not stop the worker from closing.
            _log.exception("the connections for wake-ups could not be closed")

    async def _notify_others(self) -> None:
        while True:
            await self._is_due.wait()
            self._is_due.clear()
            try:
                await self._wake_up.notify()
            # Not tried again: the other workers learn of it by their next poll.
            except Unavailable as exc:
                _log.info("other workers could not be notified: %s", exc)
            except Exception:  # noqa: BLE001  An unexpected answer must not end the task.
                _log.exception("other workers could not be notified")

    async def _be_notified(self) -> None:
        # Each reason of an outage is logged once, and not at each attempt.
        logged = ""
        while True:
            try:
                async for _ in self._wake_up.notifications():
                    if logged:
                        _log.info("wake-ups can be received again")
                        logged = ""
                    self._poll_now()
            except Exception as exc:  # noqa: BLE001  An unexpected answer must not end the task.
                reason = repr(exc)
                if reason != logged:
                    _log_outage(exc)
                logged = reason
            await asyncio.sleep(self._retry_seconds)


def _log_outage(error: Exception) -> None:
    if isinstance(error, Unavailable):
        _log.info("wake-ups cannot be received: %s", error)
    else:
        _log.error("wake-ups cannot be received", exc_info=error)
