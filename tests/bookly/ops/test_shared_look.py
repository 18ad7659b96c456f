import asyncio
import gc

import pytest

from bookly.ops.shared_look import SharedLook


class Looked:
    """A look that counts its calls, and ends when a test allows it."""

    def __init__(self) -> None:
        self.times = 0
        self.may_end = asyncio.Event()
        self.may_end.set()

    async def __call__(self) -> int:
        self.times += 1
        await self.may_end.wait()
        return self.times


class Seconds:
    """A monotonic clock that moves when a test sets it."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


async def test_callers_at_the_same_moment_share_one_look() -> None:
    look = Looked()
    look.may_end.clear()
    shared = SharedLook(look, seconds=1)

    callers = [asyncio.create_task(shared()) for _ in range(100)]
    await asyncio.sleep(0)
    look.may_end.set()

    assert set(await asyncio.gather(*callers)) == {1}


async def test_an_answer_serves_for_its_time_and_no_longer() -> None:
    seconds = Seconds()
    shared = SharedLook(Looked(), seconds=1, monotonic=seconds)

    answers = []
    for now in (0.0, 0.5, 0.99, 1.0, 1.5, 2.0):
        seconds.now = now
        answers.append(await shared())

    assert answers == [1, 1, 1, 2, 2, 3]


async def test_a_caller_who_goes_away_does_not_end_the_look_of_the_others() -> None:
    look = Looked()
    look.may_end.clear()
    shared = SharedLook(look, seconds=1)
    impatient, patient = (asyncio.create_task(shared()) for _ in range(2))
    await asyncio.sleep(0)

    impatient.cancel()
    await asyncio.sleep(0)
    look.may_end.set()

    assert await patient == 1


def test_another_event_loop_looks_anew() -> None:
    """A look that was running in a closed event loop never ends."""

    async def started_only() -> None:
        look.may_end.clear()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await shared()

    async def whole() -> int:
        look.may_end = asyncio.Event()
        look.may_end.set()
        return await shared()

    look = asyncio.run(_make())
    shared = SharedLook(look, seconds=1000)
    asyncio.run(started_only())

    assert asyncio.run(whole()) == 2
    gc.collect()


async def _make() -> Looked:
    return Looked()
