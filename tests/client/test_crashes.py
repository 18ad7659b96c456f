"""Programs that share a session in a file, and crash at any moment."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from random import Random

import httpx2
import pytest

from tests.client.test_renewal import TLS
from tests.client.world import EMAIL, World
from tokenpair.client import FileStore, Pair, PairAuth
from tokenpair.testing import PASSWORD


class Crash(BaseException):
    """The program ends here, as after `kill -9`."""


class CrashingStore(FileStore):
    """A file whose program may crash before it is written, or after."""

    def __init__(self, path: Path, may_crash: Callable[[], None]) -> None:
        super().__init__(path)
        self._may_crash = may_crash

    def write(self, pair: Pair) -> None:
        self._may_crash()
        super().write(pair)
        self._may_crash()


@pytest.mark.parametrize("days", [1, pytest.param(29, marks=pytest.mark.long)])
def test_programs_that_share_a_file_and_crash_stay_logged_in(
    world: World, tmp_path: Path, days: int
) -> None:
    """One answer in ten is lost, and one renewal in five ends with a crash."""
    chance, loss, crash = Random(1), Random(2), Random(3)
    end = world.clock.now + timedelta(days=days)
    crashes, statuses = 0, list[int]()
    world.is_lost = lambda: bool(statuses) and loss.random() < 0.1

    def may_crash() -> None:
        if statuses and crash.random() < 0.1:
            raise Crash

    def program() -> PairAuth:
        store = CrashingStore(tmp_path / "session.json", may_crash)
        return PairAuth(world.auth_url, store=store, clock=world.client_clock())

    programs = [program() for _ in range(3)]
    programs[0].log_in(EMAIL, PASSWORD)
    with httpx2.Client(verify=TLS, base_url=world.url) as client:
        while world.clock.now < end:
            number = chance.randrange(len(programs))
            try:
                statuses.append(client.get("/hello", auth=programs[number]).status_code)
            except httpx2.TransportError:
                pass
            except Crash:
                programs[number] = program()
                crashes += 1
            world.clock.advance(minutes=chance.choice([0.05, 1, 8, 10, 30, 90]))

    assert set(statuses) == {200}
    assert crashes >= days
    assert [path for path, _ in world.asked].count("/auth/login") == 1
