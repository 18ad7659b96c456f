"""Ten lines of `tokenpair.client`, weeks of fake time, and a server that drops answers."""

from datetime import timedelta
from pathlib import Path
from random import Random

import pytest

from tests.client.world import EMAIL, World
from tokenpair.testing import PASSWORD

SCRIPT = """
import httpx2
from tokenpair.client import FileStore, PairAuth

auth = PairAuth(f"{url}/auth", store=FileStore(file), clock=clock)
if not auth.is_logged_in:
    auth.log_in(email, password)
with httpx2.Client(auth=auth, base_url=url) as client:
    for _ in hours_with_pauses():
        try:
            statuses.append(client.get("/hello").status_code)
        except httpx2.TransportError:
            pass  # Its own answer was lost.
"""


@pytest.mark.parametrize("days", [1, pytest.param(29, marks=pytest.mark.long)])
def test_a_script_stays_logged_in_while_one_answer_in_ten_is_lost(
    world: World, tmp_path: Path, days: int
) -> None:
    """It is started anew every 12 hours, and makes a request every half hour on average."""
    chance, loss = Random(1), Random(2)
    end = world.clock.now + timedelta(days=days)
    lost, statuses = list[bool](), list[int]()

    def is_lost() -> bool:
        lost.append(bool(statuses) and loss.random() < 0.1)
        return lost[-1]

    def hours_with_pauses() -> object:
        stop = world.clock.now + timedelta(hours=12)
        while world.clock.now < min(stop, end):
            yield
            world.clock.advance(minutes=chance.uniform(1, 59))

    world.is_lost = is_lost
    names = {"url": world.url, "file": tmp_path / "session.json", "clock": world.client_clock()}
    names |= {"email": EMAIL, "password": PASSWORD, "statuses": statuses}
    while world.clock.now < end:
        exec(SCRIPT, names | {"hours_with_pauses": hours_with_pauses})

    assert set(statuses) == {200}
    assert len(statuses) > days * 40
    assert sum(lost) > len(lost) / 20
    assert len(world.renewals) > days * 35
    assert [path for path, _ in world.asked].count("/auth/login") == 1
