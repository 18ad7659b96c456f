"""Lanes: a few connections on which the renewals that wait at the same moment share a statement.

A renewal that finds a lane free goes out at once, alone. While all lanes are busy, renewals wait;
each lane that becomes free takes all of them at once. So renewals wait for no timer, and the busier
the database, the larger the batches.

No renewal holds up another for long. A batch skips locked rows, and a single statement waits for
one only `Timeouts.lane`. What a lane leaves unsettled, the caller sends alone, by `Singles`.
"""

import asyncio
import logging
from collections import OrderedDict, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final, Literal

from tokenpair.errors import Unavailable
from tokenpair.stores.sql.postgres import errors
from tokenpair.stores.sql.postgres.prepared import PreparedConnections
from tokenpair.stores.sql.postgres.statements import (
    RENEW_MANY,
    RENEW_ONE,
    SESSION_ID,
    Arguments,
    Row,
)

_log = logging.getLogger(__name__)

MAX_BATCH = 64
"""Number of renewals in one statement. More would only delay the first of them."""


class _Unsettled(Enum):
    UNSETTLED = auto()


UNSETTLED: Final = _Unsettled.UNSETTLED
"""The renewal must be sent alone: its row was locked or did not match, or the statement failed."""

Answer = Row | None | Literal[_Unsettled.UNSETTLED]
"""The row that a renewal has changed, None if its token is not accepted, or `UNSETTLED`."""


@dataclass(slots=True, eq=False)
class _Request:
    """A renewal that waits for a lane. Its timer ends the wait."""

    arguments: Arguments
    result: asyncio.Future[Answer]
    timer: asyncio.TimerHandle


class Lanes:
    """Sends renewals of one event loop over a number of lanes.

    Once the connections are closed, each renewal is unsettled.
    """

    def __init__(self, connections: PreparedConnections, *, number: int, name: str) -> None:
        """`connections` prepare `RENEW_ONE` and `RENEW_MANY`; `name` is the database's."""
        self._connections = connections
        self._name = name
        self._free = number
        # By session, so that a batch is found without a look at the others of the same session.
        self._waiting: OrderedDict[object, deque[_Request]] = OrderedDict()
        self._flights: set[asyncio.Task[None]] = set()

    async def renew(self, arguments: Arguments, deadline: float) -> Answer:
        """Renew a session. A caller that is cancelled does not disturb the others of its batch.

        A renewal that waits for a lane until `deadline`, by the event loop's clock, gets
        `Unavailable`. Raises TimeoutError for a server that does not respond.
        """
        if not self._free:
            return await self._wait(arguments, deadline)
        self._free -= 1
        try:
            (answer,) = await self._send([arguments])
        finally:
            self._leave()
        return answer

    async def _wait(self, arguments: Arguments, deadline: float) -> Answer:
        loop = asyncio.get_running_loop()
        result: asyncio.Future[Answer] = loop.create_future()
        timer = loop.call_at(deadline, self._refuse, result)
        same_session = self._waiting.setdefault(arguments[SESSION_ID], deque())
        same_session.append(_Request(arguments, result, timer))
        return await result

    def _refuse(self, result: asyncio.Future[Answer]) -> None:
        if not result.done():
            result.set_exception(self._error(TimeoutError()))

    def _leave(self) -> None:
        """Leave a lane to the renewals that wait; if there are none, it is free."""
        if not self._waiting:
            self._free += 1
            return
        flight = asyncio.get_running_loop().create_task(self._fly())
        self._flights.add(flight)
        flight.add_done_callback(self._land)

    async def _fly(self) -> None:
        """Send batches until no renewal waits."""
        while batch := self._next_batch():
            await self._settle(batch)

    def _land(self, flight: asyncio.Task[None]) -> None:
        self._flights.discard(flight)
        self._leave()

    def _next_batch(self) -> list[_Request]:
        """Take one renewal of each session, of those that have waited longest for their turn.

        The next renewal of the same session has to see what the first has written. Its session's
        next turn comes after that of the others.
        """
        batch: list[_Request] = []
        again: dict[object, deque[_Request]] = {}
        while self._waiting and len(batch) < MAX_BATCH:
            session_id, requests = self._waiting.popitem(last=False)
            if request := _first(requests):
                batch.append(request)
            if requests:
                again[session_id] = requests
        self._waiting.update(again)
        return batch

    async def _settle(self, batch: list[_Request]) -> None:
        """Send a batch, and answer each of its callers."""
        try:
            answers = await self._send([each.arguments for each in batch])
        except BaseException as exc:  # Each caller must get an answer, even on cancellation.
            self._fail(batch, exc)
            if not isinstance(exc, Exception):
                raise
            return
        for request, answer in zip(batch, answers, strict=True):
            if not request.result.done():
                request.result.set_result(answer)

    async def _send(self, batch: Sequence[Arguments]) -> Sequence[Answer]:
        """Send one statement; return the answers in the order of the batch.

        If it fails, each renewal is unsettled: the error may be about another one of the batch.
        """
        try:
            if len(batch) == 1:
                rows = await self._connections.fetch(RENEW_ONE, batch[0])
                return [rows[0] if rows else None]
            rows = await self._connections.fetch(RENEW_MANY, list(zip(*batch, strict=True)))
        except TimeoutError:
            raise  # An OSError, too; but alone, each would wait as long again.
        except (*errors.DRIVER_ERRORS, OSError) as exc:
            _log.info("renewals (%d) are sent again, alone: %s", len(batch), errors.summary(exc))
            return [UNSETTLED] * len(batch)
        answers: list[Answer] = [UNSETTLED] * len(batch)
        for *row, number in rows:
            answers[number - 1] = row
        return answers

    def _fail(self, requests: Iterable[_Request], exc: BaseException) -> None:
        for each in requests:
            if not each.result.done():
                each.result.set_exception(self._error(exc))

    def _error(self, exc: BaseException) -> BaseException:
        match exc:
            case TimeoutError():
                return Unavailable(f"timed out waiting for the database {self._name}")
            case asyncio.CancelledError():
                return Unavailable(f"the database {self._name} is being closed")
            case _:
                return exc


def _first(requests: deque[_Request]) -> _Request | None:
    """Take the first one whose caller still waits."""
    while requests:
        request = requests.popleft()
        request.timer.cancel()
        if not request.result.done():
            return request
    return None
