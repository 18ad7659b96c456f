"""A worker that was stopped by a signal does not trust what it knew before."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.faults.people import Person, Session, opens, renew
from tests.faults.serving import Bookly, serving
from tests.faults.talk import Line
from tests.processes import stands_still
from tests.servers import PostgresServer
from tests.waiting import eventually, limit

pytestmark = pytest.mark.long

# Longer than the copy is current, and shorter than `TOKENPAIR_MAX_STALENESS_SECONDS`.
STOPPED_SECONDS = 3.5


# A session may rotate every second, and a stop of more than a second counts as one.
HASTY = {"TOKENPAIR_REPEAT_WINDOW_SECONDS": "1", "TOKENPAIR_SUPERSEDED_WINDOW_SECONDS": "1"}


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def bookly(request: pytest.FixtureRequest, folder: Path) -> Iterator[Bookly]:
    place = folder / f"still-{request.param}"
    place.mkdir()
    variables = dict(HASTY)
    if request.param == "postgres":
        server: PostgresServer = request.getfixturevalue("busy_server")
        variables["TOKENPAIR_DATABASE_URL"] = server.create_database()
    with serving(place, workers=2, **variables) as bookly:
        yield bookly


@asynccontextmanager
async def stopped(pid: int) -> AsyncIterator[None]:
    """Stop a process for the length of the block, and for `STOPPED_SECONDS` at least."""
    os.kill(pid, signal.SIGSTOP)
    try:
        await eventually(lambda: stands_still(pid))
        enough = asyncio.create_task(asyncio.sleep(STOPPED_SECONDS))
        yield
        await enough
    finally:
        os.kill(pid, signal.SIGCONT)


async def hold_open(lines: list[Line], *, beside: Line) -> None:
    """Keep connections from being closed as idle, or opened again, while their worker is stopped.

    `beside` leads to the same worker. Once it is answered, the worker has read what came before.
    """
    await asyncio.gather(*(line.ask("GET", "/health/live") for line in lines))
    for line in lines:
        line.redial = None
        line.knock()
    await beside.ask("GET", "/health/live")


async def test_it_lets_no_token_in_that_was_revoked_meanwhile(bookly: Bookly) -> None:
    """R21."""
    async with bookly.lines(each=11) as lines:
        here, there = lines[:11], lines[11:21]
        session = await (await Person.signed_up(here[0])).log_in(here[0])
        assert [await opens(line, session.access) for line in there] == [""] * 10
        await hold_open(there, beside=lines[21])

        async with stopped(bookly.workers()[1]):
            asking = [asyncio.create_task(opens(line, session.access)) for line in there]
            answer = await here[0].ask("POST", "/api/v1/auth/logout", session.access)
            assert answer.status == 204

        assert await asyncio.gather(*asking) == ["session_ended"] * 10


async def test_a_renewal_that_waited_there_ends_no_session_as_a_replay(bookly: Bookly) -> None:
    """R22: the client gave up on it, and renewed three times at the other worker."""
    async with bookly.lines(each=2) as (here, _, there, beside):
        first = await (await Person.signed_up(here)).log_in(here)
        session = first
        await hold_open([there], beside=beside)

        async with stopped(bookly.workers()[1]):
            late = asyncio.create_task(renew(there, first.refresh))
            for _ in range(3):
                session = await rotated(here, session)
        answer = await late

        assert (answer.status, answer.code) == (503, "unavailable")
        assert int(answer.headers["retry-after"]) >= 1
        assert (await renew(here, session.refresh)).status == 200
        # This lasts half a minute, and the client has a newer token.
        assert (await renew(there, first.refresh)).status == 503
        assert (await renew(there, session.refresh)).status == 200


async def rotated(line: Line, session: Session) -> Session:
    """Renew until the session has accepted the token: the same pair within the window."""
    renewed = Session.of(await renew(line, session.refresh))
    async with limit():
        while renewed.refresh == session.refresh:
            await asyncio.sleep(0.1)
            renewed = Session.of(await renew(line, session.refresh))
    return renewed
