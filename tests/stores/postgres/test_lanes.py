"""How renewals share statements: which wait, which go together, and what each is answered."""

import asyncio
import logging
from collections.abc import Sequence

import asyncpg
import pytest

from tests.stores.postgres.fake_connections import Connections, a_moment, a_renewal
from tests.waiting import LIMIT_SECONDS, eventually, limit
from tokenpair.errors import Unavailable
from tokenpair.stores.sql.postgres.lanes import Lanes
from tokenpair.stores.sql.postgres.statements import Arguments
from tokenpair.stores.sql.postgres.waiting import MAX_BATCH, UNSETTLED, Answer


class Traffic:
    """Renewals that are under way, by name."""

    def __init__(self, *, lanes: int = 1) -> None:
        self.connections = Connections()
        self.lanes = Lanes(self.connections, number=lanes, name="of the test")  # type: ignore[arg-type]  # A fake.
        self.tasks: dict[str, asyncio.Task[Answer]] = {}

    async def send(self, *renewals: Arguments, seconds: float = LIMIT_SECONDS) -> None:
        deadline = asyncio.get_running_loop().time() + seconds
        for each in renewals:
            self.tasks[str(each[0])] = asyncio.create_task(self.lanes.renew(each, deadline))
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


async def test_a_caller_that_is_cancelled_leaves_its_turn_to_the_next_of_its_session() -> None:
    traffic = Traffic()
    same = [a_renewal(name, session="S") for name in "EFGH"]
    await traffic.send(A, *same, B)

    traffic.tasks["E"].cancel()
    traffic.tasks["G"].cancel()
    for number in range(3):
        await traffic.succeed(number)

    assert traffic.sent == [["A"], ["F", "B"], ["H"]]


async def test_a_batch_whose_callers_were_all_cancelled_is_not_sent() -> None:
    traffic = Traffic()
    many = [a_renewal(str(number)) for number in range(MAX_BATCH)]
    await traffic.send(A, *many, B)

    for each in many:
        traffic.tasks[str(each[0])].cancel()
    await traffic.succeed(0)

    assert traffic.sent == [["A"], ["B"]]


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
async def test_after_the_error_of_a_statement_each_renewal_is_sent_alone(
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


async def test_a_renewal_is_refused_at_its_deadline_also_while_all_lanes_are_busy() -> None:
    """The first of its session and those behind it, but no others; again and again."""
    traffic = Traffic()
    await traffic.send(A, C)

    for _ in range(2):
        await traffic.send(B, a_renewal("behind B", session="B"), seconds=0)
        assert isinstance(await traffic.answer("B"), Unavailable)
        assert isinstance(await traffic.answer("behind B"), Unavailable)
    await traffic.succeed(0)

    assert traffic.sent == [["A"], ["C"]]


async def test_deadlines_are_looked_at_only_while_renewals_wait() -> None:
    traffic = Traffic()
    await traffic.send(A, B)
    await traffic.succeed(0)
    await eventually(lambda: not traffic.lanes._waiting._is_ticking)

    await traffic.send(C, seconds=0)

    assert isinstance(await traffic.answer("C"), Unavailable)


async def test_the_tokens_of_one_session_cost_no_batch_more_than_its_own_renewals() -> None:
    """However many wait: each is looked at once."""
    looks = 0

    class Session(str):
        __slots__ = ()

        def __hash__(self) -> int:
            nonlocal looks
            looks += 1
            return super().__hash__()

    traffic = Traffic()
    flood = [a_renewal(str(number), session=Session("S")) for number in range(500)]
    await traffic.send(A, *flood)

    looks = 0
    for number in range(100):
        await traffic.succeed(number)

    assert traffic.sent[1:] == [[str(number)] for number in range(100)]
    assert looks <= 100 * 5


async def test_a_flight_that_is_cancelled_at_any_step_leaves_no_one_waiting() -> None:
    """As the end of an event loop cancels it."""
    for steps in range(12):
        traffic = Traffic()
        await traffic.send(A, B, C)
        others = asyncio.all_tasks()
        traffic.connections.succeed(0)
        async with limit():
            while not (flights := asyncio.all_tasks() - others):
                await asyncio.sleep(0)
        for _ in range(steps):
            await asyncio.sleep(0)
        for flight in flights:
            flight.cancel()
        await a_moment()
        for number in range(1, len(traffic.sent)):
            if not traffic.connections.ends[number].done():
                await traffic.succeed(number)

        answers = [await traffic.answer(name) for name in "BC"]
        assert all(isinstance(each, Unavailable | list) for each in answers)
        await traffic.send(D)
        assert traffic.sent[-1] == ["D"]
