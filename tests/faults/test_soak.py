from pathlib import Path

import pytest

from tests.faults.soak import Soaked, grows, soak
from tests.waiting import LIMIT_SECONDS


@pytest.mark.long
async def test_a_server_that_is_never_at_rest_makes_no_mistake(
    tmp_path: Path, busy_url: str
) -> None:
    seconds, soaked = 4, await soak(tmp_path, seconds=4, database_url=busy_url)
    # On a busy machine some kinds of requests may not be answered by then.
    while soaked.crowd.wrong == [] and not saw_everything(soaked) and seconds < LIMIT_SECONDS:
        seconds *= 2
        soaked = await soak(tmp_path, seconds=seconds, database_url=busy_url)

    assert soaked.crowd.wrong == []
    assert saw_everything(soaked)


def saw_everything(soaked: Soaked) -> bool:
    return all(soaked.crowd.counts[name] for name in ("renewed", "asked", "stale", "logged out"))


@pytest.mark.parametrize(("end", "is_told"), [(100, False), (110, False), (112, True)])
def test_memory_that_grows_after_half_the_time_is_told(end: int, is_told: bool) -> None:
    assert grows([[50, 100, 100], [50, 100, end]]) is is_told
