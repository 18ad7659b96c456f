"""The renewals that wait for a lane: they take turns by session, until their deadlines."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum, auto
from itertools import chain, islice
from typing import Final, Literal

from tokenpair.stores.sql.postgres.statements import SESSION_ID, Arguments, Row

MAX_BATCH = 64
"""Number of renewals in one statement. More would only delay the first of them."""
TICK = 0.05
"""Seconds between two looks at the deadlines of those that wait.

With a timer for each renewal, waiting would take twice as much CPU time.
"""


class _Unsettled(Enum):
    UNSETTLED = auto()


UNSETTLED: Final = _Unsettled.UNSETTLED
"""The renewal must be sent alone: its row was locked or did not match, or the statement failed."""

Answer = Row | None | Literal[_Unsettled.UNSETTLED]
"""The row that a renewal has changed, None if its token is not accepted, or `UNSETTLED`."""


@dataclass(slots=True, eq=False)
class Request:
    """A renewal that waits for a lane, until a time of the event loop's clock."""

    arguments: Arguments
    result: asyncio.Future[Answer]
    deadline: float


class Waiting:
    """Groups the renewals that wait into batches, and refuses those that wait too long."""

    def __init__(self, refuse: Callable[[Iterable[Request]], None]) -> None:
        """`refuse` answers renewals whose deadlines are over. They get no turn."""
        self._refuse = refuse
        # By session: the one that waits for the next turn, and those behind it. So a batch is found
        # without a look at the others of the same session.
        self._firsts: dict[object, Request] = {}
        self._behind: dict[object, deque[Request]] = {}
        self._is_ticking = False

    def __bool__(self) -> bool:
        return bool(self._firsts)

    def add(self, request: Request, loop: asyncio.AbstractEventLoop) -> None:
        session_id = request.arguments[SESSION_ID]
        if self._firsts.setdefault(session_id, request) is not request:
            self._behind.setdefault(session_id, deque()).append(request)
        if not self._is_ticking:
            self._is_ticking = True
            loop.call_later(TICK, self._tick, loop)

    def next_batch(self) -> list[Request]:
        """Take one renewal of each session, of those that have waited longest for their turn.

        The next renewal of the same session has to see what the first has written. Its session's
        next turn comes after that of the others.
        """
        batch: list[Request] = []
        for first in self._take_firsts():
            # The caller of a renewal that is done was cancelled or refused.
            request = self._take_next(first) if first.result.done() else first
            if request:
                batch.append(request)
        if self._behind:
            for request in batch:
                if following := self._take_next(request):
                    self._firsts[request.arguments[SESSION_ID]] = following
        return batch

    def _take_firsts(self) -> list[Request]:
        """Take those that have waited longest, one of each session."""
        firsts = list(islice(self._firsts.values(), MAX_BATCH))
        if len(firsts) == len(self._firsts):
            self._firsts.clear()  # Almost always, and it looks up no session.
        else:
            for each in firsts:
                del self._firsts[each.arguments[SESSION_ID]]
        return firsts

    def _take_next(self, request: Request) -> Request | None:
        """Take the next one of the same session whose caller still waits."""
        session_id = request.arguments[SESSION_ID]
        behind = self._behind.pop(session_id, None)
        while behind:
            following = behind.popleft()
            if not following.result.done():
                if behind:
                    self._behind[session_id] = behind
                return following
        return None

    def _tick(self, loop: asyncio.AbstractEventLoop) -> None:
        """Refuse the renewals whose deadline is over, as long as any wait."""
        now = loop.time()
        waiting = chain(self._firsts.values(), *self._behind.values())
        self._refuse(each for each in waiting if each.deadline <= now)
        self._is_ticking = bool(self._firsts)
        if self._is_ticking:
            loop.call_later(TICK, self._tick, loop)
