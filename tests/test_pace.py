"""Whether a worker stood still, judged by the last beat of its event loop."""

import asyncio
import time
from datetime import timedelta

import pytest

from tokenpair.pace import Heartbeat, boot_seconds


class Seconds:
    """A clock that moves when a test sets it."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def seconds() -> Seconds:
    return Seconds()


@pytest.mark.parametrize(
    ("window", "gap"),
    [(120, 15.0), (8, 1.0), (0, 1.0), (9, 1.125)],
    ids=["usual", "8s", "0s", "9s"],
)
def test_a_gap_of_an_eighth_of_the_window_or_a_second_is_a_stop(
    seconds: Seconds, window: int, gap: float
) -> None:
    heartbeat = Heartbeat(timedelta(seconds=window), seconds=seconds)
    heartbeat.start()

    seconds.now += gap
    before = heartbeat.stood_still()
    seconds.now += 0.001

    assert (before, heartbeat.stood_still()) == (False, True)


async def test_it_is_noticed_before_the_next_beat_and_remembered_for_thirty_seconds_after_it(
    seconds: Seconds,
) -> None:
    heartbeat = Heartbeat(timedelta(seconds=120), seconds=seconds)
    heartbeat.start()
    await heartbeat.beat()
    seconds.now += 3600
    at_once = heartbeat.stood_still()

    await heartbeat.beat()
    later = []
    for _ in range(300):
        seconds.now += 0.1
        await heartbeat.beat()
        later.append(heartbeat.stood_still())

    assert at_once
    assert later[:299] == [True] * 299
    seconds.now += 0.1
    assert not heartbeat.stood_still()


async def test_a_stop_that_no_request_came_upon_is_remembered_too(seconds: Seconds) -> None:
    heartbeat = Heartbeat(timedelta(seconds=120), seconds=seconds)
    heartbeat.start()
    seconds.now += 16
    await heartbeat.beat()
    seconds.now += 10

    assert heartbeat.stood_still()


@pytest.mark.parametrize("is_started", [False, True], ids=["never-started", "stopped"])
def test_where_nothing_beats_nothing_stands_still(seconds: Seconds, is_started: bool) -> None:
    heartbeat = Heartbeat(timedelta(seconds=120), seconds=seconds)
    if is_started:
        heartbeat.start()
        heartbeat.stop()

    seconds.now += 3600

    assert not heartbeat.stood_still()


async def test_the_clock_runs_on() -> None:
    before, monotonic = boot_seconds(), time.monotonic()
    await asyncio.sleep(0.01)

    # It also counts suspensions of the machine; there are none in a test.
    assert 0.01 <= boot_seconds() - before <= time.monotonic() - monotonic + 1
