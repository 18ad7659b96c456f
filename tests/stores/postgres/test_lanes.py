"""How renewals share statements: which wait, which go together, and what each is answered."""

import asyncio
import logging
from collections.abc import Sequence
from typing import Any

import asyncpg
import pytest

from tests.waiting import limit
from tokenpair.errors import Unavailable
from tokenpair.stores.sql.postgres.lanes import MAX_BATCH, UNSETTLED, Answer, Arguments, Lanes

SESSION = 5
"""Place of the session's id among the parameters."""


class Connections:
    """Connections whose statements end when the test says so."""

    def __init__(self) -> None:
        self.sent: list[list[Arguments]] = []
        self.is_closed = False
        self._ends: list[asyncio.Future[list[Any]]] = []

    async def fetch(self, which: int, arguments: Sequence[Any]) -> list[Any]:
        self.sent.append(list(zip(*arguments, strict=True)) if which else [tuple(arguments)])
        end: asyncio.Future[list[Any]] = asyncio.get_running_loop().create_future()
        self._ends.append(end)
        return await end

    async def close(self) -> None:
        self.is_closed = True

    def succeed(self, number: int, *, without: Sequence[Arguments] = ()) -> None:
        """End a statement. It has changed all sessions but those of some, in any order."""
        batch = self.sent[number]
        rows = [(each[0], place) for place, each in enumerate(batch, 1) if each not in without]
        self._ends[number].set_result([row[:1] for row in rows] if len(batch) == 1 else rows[::-1])

    def fail(self, number: int, error: BaseException) -> None:
        self._ends[number].set_exception(error)


def a_renewal(name: str, *, session: str = "") -> Arguments:
    arguments = [name, *"abcdefgh"]
    arguments[SESSION] = session or name
    return tuple(arguments)


async def a_moment() -> None:
    """Let every task run until it waits."""
    for _ in range(10):
        await asyncio.sleep(0)


class Traffic:
    """Renewals that are under way, by name."""

    def __init__(self, *, lanes: int = 1, seconds: float = 60) -> None:
        self.connections = Connections()
        self.lanes = Lanes(self.connections, number=lanes, seconds=seconds, name="of the test")  # type: ignore[arg-type]  # A fake.
        self.tasks: dict[str, asyncio.Task[Answer]] = {}

    async def send(self, *renewals: Arguments) -> None:
        for each in renewals:
            self.tasks[str(each[0])] = asyncio.create_task(self.lanes.renew(each))
        await a_moment()

    @property
    def sent(self) -> list[list[str]]:
        return [[str(each[0]) for each in batch] for batch in self.connections.sent]

    async def succeed(self, number: int, *, without: Sequence[Arguments] = ()) -> None:
        self.connections.succeed(number, without=without)
        await a_moment()

    async def fail(self, number: int, error: BaseException) -> None:
        self.connections.fail(number, error)
        await a_moment()

    async def answer(self, name: str) -> object:
        async with limit():
            (answer,) = await asyncio.gather(self.tasks[name], return_exceptions=True)
        return answer


A, B, C, D = (a_renewal(name) for name in "ABCD")


async def test_a_renewal_that_finds_a_free_lane_goes_out_at_once_and_alone() -> None:
    traffic = Traffic(lanes=2)

    await traffic.send(A, B)
    await traffic.succeed(0)
    await traffic.send(C)

    assert traffic.sent == [["A"], ["B"], ["C"]]
    assert await traffic.answer("A") == ("A",)


async def test_renewals_that_come_while_all_lanes_are_busy_go_together_in_the_next() -> None:
    traffic = Traffic(lanes=2)
    await traffic.send(A, B)

    await traffic.send(C, D)
    assert traffic.sent == [["A"], ["B"]]
    await traffic.succeed(1)
    await traffic.succeed(2)

    assert traffic.sent == [["A"], ["B"], ["C", "D"]]
    assert [await traffic.answer(name) for name in "BCD"] == [("B",), ["C"], ["D"]]
    assert not traffic.tasks["A"].done()


async def test_a_token_without_a_row_is_unsettled_in_a_batch_and_refused_alone() -> None:
    traffic = Traffic()
    await traffic.send(A, B, C)

    await traffic.succeed(0, without=[A])
    await traffic.succeed(1, without=[B])

    assert [await traffic.answer(name) for name in "ABC"] == [None, UNSETTLED, ["C"]]


async def test_a_batch_has_a_limit_and_takes_the_first() -> None:
    traffic = Traffic()
    many = [a_renewal(str(number)) for number in range(MAX_BATCH + 1)]
    await traffic.send(A, *many)

    await traffic.succeed(0)
    await traffic.succeed(1)

    assert traffic.sent[1] == [str(number) for number in range(MAX_BATCH)]
    assert traffic.sent[2] == [str(MAX_BATCH)]


async def test_of_a_session_a_batch_has_one_token_and_the_next_batch_the_next() -> None:
    traffic = Traffic()
    same = [a_renewal(name, session="S") for name in "EFG"]
    await traffic.send(A, *same, B)

    for number in range(4):
        await traffic.succeed(number)

    assert traffic.sent == [["A"], ["E", "B"], ["F"], ["G"]]


async def test_a_caller_that_is_cancelled_leaves_the_others_of_its_batch_alone() -> None:
    traffic = Traffic()
    await traffic.send(A, B, C, D)
    traffic.tasks["C"].cancel()  # While it waits for a lane ...
    await traffic.succeed(0)
    traffic.tasks["B"].cancel()  # ... and while its batch is under way.
    await traffic.succeed(1)

    assert traffic.sent == [["A"], ["B", "D"]]
    assert await traffic.answer("D") == ["D"]


async def test_a_caller_that_is_cancelled_alone_leaves_its_lane_to_the_others() -> None:
    traffic = Traffic()
    await traffic.send(A, B, C)

    traffic.tasks["A"].cancel()
    await a_moment()
    await traffic.succeed(1)
    await traffic.send(D)

    assert traffic.sent == [["A"], ["B", "C"], ["D"]]


@pytest.mark.parametrize(
    "error",
    [
        asyncpg.DeadlockDetectedError("deadlock detected"),
        asyncpg.LockNotAvailableError("canceling statement due to lock timeout"),
        asyncpg.CharacterNotInRepertoireError("invalid byte sequence: 0x00"),
        asyncpg.ConnectionDoesNotExistError("connection was closed"),
        ConnectionResetError("reset"),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_the_error_of_a_statement_is_no_ones_answer(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    """Each renewal is sent alone, and gets its own."""
    caplog.set_level(logging.INFO)
    traffic = Traffic()
    await traffic.send(A, B, C)

    await traffic.fail(0, error)
    await traffic.fail(1, error)
    await traffic.send(D)

    assert [await traffic.answer(name) for name in "ABC"] == [UNSETTLED] * 3
    assert traffic.sent == [["A"], ["B", "C"], ["D"]]
    assert "renewals (2) are sent again, alone" in caplog.text
    assert "0x00" not in caplog.text


async def test_a_server_that_does_not_respond_is_asked_no_second_time() -> None:
    traffic = Traffic()
    await traffic.send(A, B, C)

    await traffic.fail(0, TimeoutError())
    await traffic.fail(1, TimeoutError())

    answers = [await traffic.answer(name) for name in "ABC"]
    assert [type(each) for each in answers] == [TimeoutError, Unavailable, Unavailable]
    assert answers[1] is not answers[2]


async def test_a_bug_is_raised_and_the_next_batch_goes_out() -> None:
    traffic = Traffic()
    await traffic.send(A, B)
    await traffic.succeed(0)
    await traffic.send(C, D)

    await traffic.fail(1, ZeroDivisionError())
    await traffic.succeed(2)

    assert isinstance(await traffic.answer("B"), ZeroDivisionError)
    assert await traffic.answer("C") == ["C"]


async def test_a_renewal_that_has_waited_too_long_is_refused() -> None:
    traffic = Traffic(seconds=0)
    await traffic.send(A, B)

    await traffic.succeed(0)

    assert traffic.sent == [["A"]]
    assert isinstance(await traffic.answer("B"), Unavailable)


async def test_closing_answers_all_who_wait() -> None:
    traffic = Traffic()
    await traffic.send(A, B, C)
    await traffic.succeed(0)
    await traffic.send(D)

    async with limit():
        await traffic.lanes.close()

    assert traffic.sent == [["A"], ["B", "C"]]
    for name in "BCD":
        assert "is being closed" in str(await traffic.answer(name))
    assert traffic.connections.is_closed


async def test_a_flight_that_is_cancelled_at_any_step_leaves_no_one_waiting() -> None:
    """As the end of an event loop cancels it."""
    for steps in range(12):
        traffic = Traffic()
        await traffic.send(A, B, C)
        others = asyncio.all_tasks()
        traffic.connections.succeed(0)
        while not (flights := asyncio.all_tasks() - others):
            await asyncio.sleep(0)
        for _ in range(steps):
            await asyncio.sleep(0)
        for flight in flights:
            flight.cancel()
        await a_moment()
        for number in range(1, len(traffic.sent)):
            if not traffic.connections._ends[number].done():
                await traffic.succeed(number)

        answers = [await traffic.answer(name) for name in "BC"]
        assert all(isinstance(each, Unavailable | list) for each in answers)
        await traffic.send(D)
        assert traffic.sent[-1] == ["D"]
