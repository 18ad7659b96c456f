from pathlib import Path

from tests.faults.soak import soak


async def test_a_server_that_is_never_at_rest_makes_no_mistake(
    tmp_path: Path, busy_url: str
) -> None:
    soaked = await soak(tmp_path, seconds=4, database_url=busy_url)

    assert soaked.crowd.wrong == []
    assert all(soaked.crowd.counts[name] for name in ("renewed", "asked", "stale", "logged out"))
