"""The delivery loop of one worker: look for mails that are due, and deliver several at once."""

import asyncio
import logging
from uuid import UUID

from tokenpair.alarm import Alarm
from tokenpair.errors import TokenPairError
from tokenpair.mail.deliver import Deliver

_log = logging.getLogger(__name__)

MAIL_SECONDS = 1.0
"""Interval between two looks at the outbox in a worker, in seconds.

A mail of this worker's own is noticed at once; one of a command or another worker, after this.
"""

AT_ONCE = 4
"""Number of mails that a worker sends at the same time. One slow receiver holds up one of them."""

STOP_SECONDS = 5.0
"""Longest wait for the mails that are being sent when the worker stops, in seconds."""


class MailLoop:
    """Starts deliveries, and rings `alarm` when another look is useful.

    It sends the mails of one user one after the other. Otherwise an older mail, with a link that is
    no longer valid, could arrive last. Another worker's loop may send one of them meanwhile.
    """

    def __init__(self, deliver: Deliver, alarm: Alarm, *, at_once: int = AT_ONCE) -> None:
        self._alarm = alarm
        self._deliver = deliver
        self._at_once = at_once
        self._running: dict[UUID, asyncio.Task[None]] = {}  # By the user's id.
        self._looks: set[asyncio.Task[bool]] = set()
        self._is_stopped = False

    def start(self) -> None:
        """Deliver again after a `stop`."""
        self._is_stopped = False

    async def look(self) -> None:
        """Start to deliver mails that are due, as far as there is room. Raises `Unavailable`.

        After a `stop` nothing is started: the storage is about to be closed.
        """
        if self._is_stopped:
            return
        # In a task of its own, which `stop` awaits: a look that is cancelled while it connects to
        # the database would leave that connection open.
        task = asyncio.create_task(self._look(), name="tokenpair: a look for mails")
        self._looks.add(task)
        task.add_done_callback(self._looks.discard)
        await asyncio.shield(task)

    async def _look(self) -> bool:
        """Start what is due. Return whether nothing is left to wait for."""
        # All mails that are read at once may be of one user, so that only one of them is started.
        for _ in range(self._at_once):
            if (room := self._at_once - len(self._running)) <= 0:
                return False
            async with self._deliver.storage.reading() as look:
                now, busy = self._deliver.clock(), frozenset(self._running)
                due = await look.outbox.due(now, limit=room, without=busy)
            if self._is_stopped or not due:
                return not busy
            for user_id, mail_id in due:
                if user_id not in self._running:
                    self._start(user_id, mail_id)
            if len(due) < room:
                return False  # No mail of another user is due.
        return False

    def _start(self, user_id: UUID, mail_id: UUID) -> None:
        task = asyncio.create_task(self._deliver(user_id, mail_id), name="tokenpair: a mail")
        self._running[user_id] = task
        task.add_done_callback(lambda done: self._finish(user_id, done))

    def _finish(self, user_id: UUID, task: asyncio.Task[None]) -> None:
        del self._running[user_id]
        if task.cancelled():
            return
        match task.exception():
            case None:
                self._alarm.ring()  # There may be more.
            case TokenPairError() as exc:
                _log.warning("a mail was not delivered: %s", exc)
            case exc:
                _log.error("the delivery of a mail failed", exc_info=exc)

    async def drain(self) -> None:
        """Deliver all mails that are due now, and wait for it; for tests."""
        while not await self._look():
            if self._running:
                await asyncio.wait(self._running.values())

    async def stop(self) -> None:
        """Wait a little for the mails that are being sent, then cancel them.

        A cancelled one stays claimed, and is tried again when the claim has expired.
        """
        self._is_stopped = True
        if self._looks:
            await asyncio.wait(self._looks, timeout=STOP_SECONDS)
        running = list(self._running.values())
        if not running:
            return
        await asyncio.wait(running, timeout=STOP_SECONDS)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
