"""PostgreSQL is stopped at once, as by a crash, and restarted, under load."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.crowd import SHORT_WINDOWS, Crowd, Door
from tests.faults.serving import serving
from tests.servers import PostgresServer, postgres


@pytest.fixture(params=["on", pytest.param("off", marks=pytest.mark.long)])
def server(request: pytest.FixtureRequest) -> Iterator[PostgresServer]:
    """Start a server that a test may stop, with the durability that an operator chose."""
    # Commits that do not wait for the disk are written after ten seconds.
    settings = {"synchronous_commit": request.param, "wal_writer_delay": "10s"}
    with postgres(settings=settings) as server:
        yield server


async def test_a_crash_of_the_database_logs_no_client_out_and_revives_no_session(
    server: PostgresServer, tmp_path: Path
) -> None:
    url = server.create_database()
    with serving(tmp_path, workers=2, TOKENPAIR_DATABASE_URL=url, **SHORT_WINDOWS) as bookly:
        workers = bookly.workers()
        async with Door.to(tmp_path, url) as door:
            sessions = [await door.open_session() for _ in range(50)]
        crowd = Crowd(bookly)

        async with crowd.busy(sessions):
            for _ in range(2):
                await crowd.until_counted(300, "renewed")
                await asyncio.to_thread(server.crash)
                await crowd.until_counted(50, "unavailable")
                await asyncio.to_thread(server.start)
            await crowd.until_counted(100, "renewed")
            await crowd.until_seen("refused")
        await crowd.require_right_sessions(bookly)

        # They have recovered without a restart.
        assert bookly.workers() == workers
    assert crowd.wrong == []
    assert "Traceback" not in bookly.log.read_text()
