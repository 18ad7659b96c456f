"""Lanes: a few connections on which the renewals that wait at the same moment share a statement.

A renewal that finds a lane free goes out at once, alone. While all lanes are busy, renewals wait;
each lane that becomes free takes all of them at once. So the busier the database, the larger the
batches. A timer only refuses renewals whose deadline is over.

No renewal holds up another for long. A batch skips locked rows, and a single statement waits for
one only `Timeouts.lane`. What a lane leaves unsettled, the caller sends alone, by `Singles`.
"""

import asyncio
import logging
from collections.abc import Iterable, Sequence

from tokenpair.errors import Unavailable
from tokenpair.stores.sql.postgres import errors
from tokenpair.stores.sql.postgres.prepared import PreparedConnections
from tokenpair.stores.sql.postgres.statements import (
    RENEW_MANY,
    RENEW_ONE,
    Arguments,
)
from tokenpair.stores.sql.postgres.waiting import UNSETTLED, Answer, Request, Waiting

_log = logging.getLogger(__name__)


class Lanes:
    """Sends renewals of one event loop over a number of lanes.

    Once the connections are closed, each renewal is unsettled.
    """

    def __init__(self, connections: PreparedConnections, *, number: int, name: str) -> None:
        """`connections` prepare `RENEW_ONE` and `RENEW_MANY`; `name` is the database's."""
        self._connections = connections
        self._name = name
        self._free = number
        self._waiting = Waiting(self._refuse)
        self._flights: set[asyncio.Task[None]] = set()

    async def renew(self, arguments: Arguments, deadline: float) -> Answer:
        """Renew a session. A caller that is cancelled does not disturb the others of its batch.

        A renewal that waits for a lane until `deadline`, by the event loop's clock, gets
        `Unavailable`, at most `TICK` later. Raises TimeoutError for a server that does not respond.
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
        request = Request(arguments, loop.create_future(), deadline)
        self._waiting.add(request, loop)
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
        while self._waiting:
            if batch := self._waiting.next_batch():
                await self._settle(batch)

    def _land(self, flight: asyncio.Task[None]) -> None:
        self._flights.discard(flight)
        self._leave()

    async def _settle(self, batch: list[Request]) -> None:
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

    def _refuse(self, requests: Iterable[Request]) -> None:
        self._fail(requests, TimeoutError())

    def _fail(self, requests: Iterable[Request], exc: BaseException) -> None:
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
