"""Workers are killed while a hundred clients renew; answers get lost."""

from pathlib import Path

import pytest

from tests.faults.storm import storm


@pytest.mark.parametrize(
    ("database", "lanes"),
    [
        pytest.param("sqlite", None, id="sqlite"),
        pytest.param("postgres", None, id="postgres", marks=pytest.mark.long),
        pytest.param("postgres", 0, id="postgres-alone", marks=pytest.mark.long),
    ],
)
async def test_no_client_is_logged_out_when_workers_are_killed_and_no_ended_session_lives(
    request: pytest.FixtureRequest, tmp_path: Path, database: str, lanes: int | None
) -> None:
    """On PostgreSQL, with renewals that share their statements, and with none that does."""
    url = request.getfixturevalue("busy_url") if database == "postgres" else None
    kills = 5 if request.config.getoption("--long") else 2

    crowd = await storm(tmp_path, kills=kills, database_url=url, lanes=lanes)

    assert crowd.wrong == []
    endings = ("ended by a deletion", "ended by a reset")
    happened = ("renewed", "dropped", "lost", "refused", *endings)
    assert all(crowd.counts[name] for name in happened)
