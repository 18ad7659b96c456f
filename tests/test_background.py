"""Background tasks continue after a round that failed."""

import asyncio
from collections.abc import Callable

import pytest

from tests.waiting import limit
from tokenpair.background import Background, BackgroundTask
from tokenpair.errors import Unavailable


async def until(condition: Callable[[], bool]) -> None:
    async with limit():
        while not condition():
            await asyncio.sleep(0)


class Rounds:
    """Counts its rounds, and raises the given errors in the first ones."""

    def __init__(self, *troubles: Exception | None) -> None:
        self.troubles = list(troubles)
        self.done = 0

    async def __call__(self) -> None:
        self.done += 1
        if self.troubles and (trouble := self.troubles.pop(0)):
            raise trouble


@pytest.mark.parametrize("trouble", [Unavailable("away"), ZeroDivisionError()], ids=repr)
async def test_a_task_goes_on_after_a_round_that_failed(
    trouble: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    rounds = Rounds(trouble)
    background = Background(BackgroundTask(name="a task", run=rounds, seconds=0))

    background.start()
    await until(lambda: rounds.done > 3)
    await background.stop()

    assert "a task" in caplog.text


async def test_the_same_trouble_is_told_once_until_it_is_over(
    caplog: pytest.LogCaptureFixture,
) -> None:
    away = Unavailable("away")
    rounds = Rounds(away, away, away, None, away, Unavailable("still away"))
    background = Background(BackgroundTask(name="a task", run=rounds, seconds=0))

    background.start()
    await until(lambda: rounds.done > 8)
    await background.stop()

    told = [record.getMessage() for record in caplog.records]
    assert told == ["a task: away", "a task: away", "a task: still away"]


async def test_it_starts_and_stops_twice_and_stops_for_good() -> None:
    rounds = Rounds()
    background = Background(BackgroundTask(name="a task", run=rounds, seconds=0))

    background.start()
    background.start()
    await until(lambda: rounds.done > 1)
    await background.stop()
    await background.stop()
    done = rounds.done
    for _ in range(10):
        await asyncio.sleep(0)

    assert rounds.done == done


async def test_a_round_that_is_running_finishes_before_the_tasks_end() -> None:
    """Cancelled while it connects, it would leave a connection open."""
    started, may_go_on, ended = asyncio.Event(), asyncio.Event(), []

    async def round_() -> None:
        started.set()
        await may_go_on.wait()
        ended.append("in full")

    background = Background(BackgroundTask(name="a task", run=round_, seconds=0))
    background.start()
    await started.wait()

    stopping = asyncio.create_task(background.stop())
    await asyncio.sleep(0)
    may_go_on.set()
    await stopping

    assert ended == ["in full"]


async def test_a_round_that_hangs_is_cancelled() -> None:
    started = asyncio.Event()

    async def hang() -> None:
        started.set()
        await asyncio.Event().wait()

    background = Background(BackgroundTask(name="a task", run=hang, seconds=0))
    background.start()
    await started.wait()

    async with limit():
        await background.stop()
