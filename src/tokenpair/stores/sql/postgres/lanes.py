"""Lanes: a few connections on which the renewals that wait at the same moment share a statement.

A renewal that finds a lane free goes out at once, alone. While all lanes are busy, renewals wait;
each lane that becomes free takes all of them at once. So renewals wait for no timer, and the busier
the database, the larger the batches.

No renewal holds up another for long. A batch skips locked rows, and a single statement waits for
one only `Timeouts.lane`. What a lane leaves unsettled, the caller sends alone, on another
connection.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, Final, Literal

from tokenpair.errors import Unavailable
from tokenpair.stores.sql.postgres import errors
from tokenpair.stores.sql.postgres.prepared import PreparedConnections
from tokenpair.stores.sql.postgres.statements import PARAMETERS

_log = logging.getLogger(__name__)

MAX_BATCH = 64
"""Number of renewals in one statement. More would only delay the first of them."""

_ONE, _MANY = 0, 1
_SID = PARAMETERS.index("sid")

Arguments = tuple[object, ...]
"""The values of a renewal's `PARAMETERS`."""

Row = Sequence[Any]


class _Unsettled(Enum):
    UNSETTLED = auto()


UNSETTLED: Final = _Unsettled.UNSETTLED
"""The renewal must be sent alone: its row was locked or did not match, or the statement failed."""

Answer = Row | None | Literal[_Unsettled.UNSETTLED]
"""The row that a renewal has changed, None if its token is not accepted, or `UNSETTLED`."""


@dataclass(slots=True, eq=False)
class _Request:
    """A renewal that waits for a lane, since a time of the event loop's clock."""

    arguments: Arguments
    result: asyncio.Future[Answer]
    since: float


class Lanes:
    """Sends renewals over a number of lanes, until `close`."""

    def __init__(
        self, connections: PreparedConnections, *, number: int, seconds: float, name: str
    ) -> None:
        """`connections` prepare `RENEW_ONE` and `RENEW_MANY`.

        A renewal that has waited `seconds` for a lane gets `Unavailable`. `name` is what to call
        the database in messages.
        """
        self._connections = connections
        self._seconds = seconds
        self._name = name
        self._free = number
        self._waiting: deque[_Request] = deque()
        self._flights: set[asyncio.Task[None]] = set()

    async def renew(self, arguments: Arguments) -> Answer:
        """Renew a session. A caller that is cancelled does not disturb the others of its batch.

        Raises `Unavailable`, and TimeoutError for a server that does not respond.
        """
        if not self._free:
            return await self._wait(arguments)
        self._free -= 1
        try:
            (answer,) = await self._send([arguments])
        finally:
            self._leave()
        return answer

    async def close(self) -> None:
        """Refuse the renewals that wait for a lane or share a statement; close the connections."""
        self._fail(self._waiting, asyncio.CancelledError())
        self._waiting.clear()
        loop = asyncio.get_running_loop()
        # A flight of an event loop that has ended cannot be waited for.
        flights = [each for each in self._flights if each.get_loop() is loop]
        for flight in flights:
            flight.cancel()
        if flights:
            await asyncio.wait(flights)
        await self._connections.close()

    async def _wait(self, arguments: Arguments) -> Answer:
        loop = asyncio.get_running_loop()
        request = _Request(arguments, loop.create_future(), loop.time())
        self._waiting.append(request)
        return await request.result

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
        """Take the renewals that have waited longest, but only one of each session.

        The next renewal of the same session has to see what the first has written.
        """
        now = asyncio.get_running_loop().time()
        batch: dict[object, _Request] = {}
        later: list[_Request] = []
        while self._waiting and len(batch) < MAX_BATCH:
            request = self._waiting.popleft()
            if request.result.done():
                continue  # Its caller was cancelled.
            if now - request.since > self._seconds:
                self._fail([request], TimeoutError())
            elif batch.setdefault(request.arguments[_SID], request) is not request:
                later.append(request)
        self._waiting.extendleft(reversed(later))
        return list(batch.values())

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
                rows = await self._connections.fetch(_ONE, batch[0])
                return [rows[0] if rows else None]
            rows = await self._connections.fetch(_MANY, list(zip(*batch, strict=True)))
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
