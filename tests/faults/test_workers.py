"""Several workers share sessions, keys and revocations."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractContextManager, AsyncExitStack, ExitStack, suppress
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from pathlib import Path

import pytest
from uvicorn.config import STARTUP_FAILURE

from bookly.ops.supervision import RETRY_SECONDS, SILENCE_SECONDS
from tests.faults.people import Person, Session, opens, renew, until_refused
from tests.faults.serving import Bookly, serving
from tests.faults.talk import AUTH, Line, Lost
from tests.faults.test_sqlite import locked
from tests.processes import is_alive
from tests.servers import PostgresServer
from tests.valkey import ValkeyServer
from tests.waiting import LIMIT_SECONDS, eventually, limit
from tokenpair.key_file import read_keyring
from tokenpair.stores.sql.timeouts import DEFAULT_TIMEOUTS

# Strict, so that three renewals are enough for a replay.
HASTY = {"TOKENPAIR_REPEAT_WINDOW_SECONDS": "0", "TOKENPAIR_SUPERSEDED_WINDOW_SECONDS": "0"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """Servers on one database, in one folder, with the same settings."""

    folder: Path
    servers: list[Bookly]
    variables: dict[str, str]

    def one_more(self) -> AbstractContextManager[Bookly]:
        """Start one more server during the block."""
        return serving(self.folder, workers=1, **self.variables)

    async def command(self, *arguments: str) -> None:
        """Run `tokenpair` as an operator does."""
        where = {"TOKENPAIR_DATA_DIR": str(self.folder), "PATH": "/usr/bin"}
        process = await asyncio.create_subprocess_exec(
            *[sys.executable, "-m", "tokenpair", *arguments],
            cwd=self.folder,
            env=where | self.variables,
            stdout=subprocess.DEVNULL,
        )
        assert await process.wait() == 0


@pytest.fixture(
    scope="module",
    params=[
        pytest.param("four-on-sqlite", marks=[pytest.mark.xdist_group("sqlite"), pytest.mark.long]),
        pytest.param(
            "four-on-postgres", marks=[pytest.mark.long, pytest.mark.xdist_group("postgres")]
        ),
        pytest.param(
            "two-servers-on-postgres", marks=[pytest.mark.xdist_group("two"), pytest.mark.long]
        ),
        pytest.param("two-servers-with-valkey", marks=pytest.mark.xdist_group("valkey")),
    ],
)
def deployment(request: pytest.FixtureRequest, folder: Path) -> Iterator[Deployment]:
    place = folder / request.param
    place.mkdir()
    variables = dict(HASTY)
    if not request.param.endswith("sqlite"):
        server: PostgresServer = request.getfixturevalue("busy_server")
        variables["TOKENPAIR_DATABASE_URL"] = server.create_database()
    if request.param.endswith("valkey"):
        valkey: ValkeyServer = request.getfixturevalue("valkey_server")
        variables["TOKENPAIR_VALKEY_URL"] = valkey.url
    numbers = [4] if request.param.startswith("four") else [1, 1]
    with ExitStack() as stack:
        servers = [
            stack.enter_context(serving(place, workers=number, **variables)) for number in numbers
        ]
        yield Deployment(folder=place, servers=servers, variables=variables)


@pytest.fixture
async def lines(deployment: Deployment) -> AsyncIterator[list[Line]]:
    """Open a connection to each worker of all servers."""
    async with AsyncExitStack() as stack:
        groups = [await stack.enter_async_context(each.lines()) for each in deployment.servers]
        yield [line for group in groups for line in group]


@pytest.fixture
async def ada(lines: list[Line]) -> Person:
    return await Person.signed_up(lines[0])


async def log_out(line: Line, session: Session) -> None:
    assert (await line.ask("POST", f"{AUTH}/logout", session.access)).status == 204


async def log_out_everywhere(line: Line, session: Session) -> None:
    assert (await line.ask("POST", f"{AUTH}/logout/all", session.access)).status == 204


async def end_the_session(line: Line, session: Session) -> None:
    listed = (await line.ask("GET", f"{AUTH}/sessions", session.access)).json()
    (own,) = [each["id"] for each in listed if each["current"]]
    assert (await line.ask("DELETE", f"{AUTH}/sessions/{own}", session.access)).status == 204


async def replay(line: Line, session: Session) -> None:
    second = Session.of(await renew(line, session.refresh))
    third = Session.of(await renew(line, second.refresh))
    Session.of(await renew(line, third.refresh))
    # A worker that waited a second for a core ends no session for half a minute.
    async with limit():
        while (said := (await renew(line, session.refresh)).code) == "unavailable":
            await asyncio.sleep(0.1)
    assert said == "session_ended"


WAYS_TO_END: list[Callable[[Line, Session], Awaitable[None]]] = [
    log_out,
    log_out_everywhere,
    end_the_session,
    replay,
]


@pytest.mark.parametrize("end", WAYS_TO_END, ids=lambda each: each.__name__)
async def test_what_one_worker_ends_every_worker_refuses(
    lines: list[Line], ada: Person, end: Callable[[Line, Session], Awaitable[None]]
) -> None:
    here, *others = lines
    session = await ada.log_in(others[-1])
    assert [await opens(line, session.access) for line in lines] == [""] * len(lines)

    await end(here, session)

    # The worker that did it refuses at once, the others soon; renewal fails everywhere at once.
    assert await opens(here, session.access) == "session_ended"
    for line in others:
        assert (await renew(line, session.refresh)).code == "session_ended"
    await until_refused(others, session.access, "session_ended")


async def test_what_one_worker_renews_every_worker_accepts(lines: list[Line], ada: Person) -> None:
    session = await ada.log_in(lines[0])

    for line in lines * 3:
        session = Session.of(await renew(line, session.refresh))

        assert [await opens(each, session.access) for each in lines] == [""] * len(lines)


async def test_an_account_that_an_operator_disables_is_out_everywhere(
    deployment: Deployment, lines: list[Line], ada: Person
) -> None:
    session = await ada.log_in(lines[0])

    await deployment.command("users", "disable", ada.email)

    await until_refused(lines, session.access, "session_ended")
    for line in lines:
        assert (await renew(line, session.refresh)).code == "session_ended"


async def test_roles_that_an_operator_changes_make_tokens_stale_everywhere(
    deployment: Deployment, lines: list[Line], ada: Person
) -> None:
    session = await ada.log_in(lines[0])

    await deployment.command("users", "roles", ada.email, "admin")

    await until_refused(lines, session.access, "token_stale")
    renewed = Session.of(await renew(lines[0], session.refresh))
    assert [await opens(line, renewed.access) for line in lines] == [""] * len(lines)


async def test_a_worker_that_starts_later_refuses_from_its_first_answer(
    deployment: Deployment, lines: list[Line], ada: Person
) -> None:
    session = await ada.log_in(lines[0])
    await log_out(lines[0], session)

    with deployment.one_more() as late:
        async with late.lines() as (line,):
            said = await opens(line, session.access)

    assert said == "session_ended"


@pytest.mark.long
async def test_a_key_that_an_operator_declares_leaked_is_leaked_everywhere(
    deployment: Deployment, lines: list[Line], ada: Person
) -> None:
    session = await ada.log_in(lines[0])
    leaked = read_keyring(deployment.folder / "keys.json").signing.kid

    await deployment.command("keys", "compromised", leaked)

    await until_refused(lines, session.access, "token_invalid")
    renewed = Session.of(await renew(lines[0], session.refresh))
    assert [await opens(line, renewed.access) for line in lines] == [""] * len(lines)


# Stopping


async def test_a_request_in_progress_is_answered_though_the_server_stops(tmp_path: Path) -> None:
    with serving(tmp_path, workers=2) as bookly:
        async with bookly.lines(each=3) as lines:
            ada = await Person.signed_up(lines[0])
            sessions = [await ada.log_in(line) for line in lines]
            # A connection is closed after 5 s without a request: not one of these is when we begin.
            await asyncio.gather(*(line.ask("GET", "/health/live") for line in lines))
            idle = (lines[2], lines[5])
            began = time.monotonic()
            with locked(tmp_path / "tokenpair.db"):
                renewals = [
                    asyncio.create_task(renew(line, session.refresh))
                    for line, session in zip(lines, sessions, strict=True)
                    if line not in idle
                ]
                for line in idle:  # By their answers each worker has read its other requests.
                    assert (await line.ask("GET", "/health/live")).status == 200
                stopping = asyncio.create_task(asyncio.to_thread(bookly.stop))
                # A worker that stops closes its idle connections first.
                await eventually(lambda: all(line.is_closed for line in idle))
                # A worker that does not wait for its requests ends them 0.1 s later.
                ended, _ = await asyncio.wait(
                    renewals, timeout=0.3, return_when=asyncio.FIRST_COMPLETED
                )
            is_slow = time.monotonic() - began > DEFAULT_TIMEOUTS.lock / 2
            answers = await asyncio.gather(*renewals)

            assert await stopping == 0
            with pytest.raises(Lost):
                await Line.open(bookly.port)

    # On a slow machine they may have reached the storage's time limit: that is an answer, too.
    assert is_slow or not ended
    assert {answer.status for answer in answers} <= ({200, 503} if is_slow else {200})
    assert "Traceback" not in bookly.log.read_text()


async def test_no_worker_outlives_a_supervisor_that_is_killed(tmp_path: Path) -> None:
    with serving(tmp_path, workers=2) as bookly:
        workers = bookly.workers()
        async with bookly.lines():  # Before they answer, they do not watch for signals.
            bookly.stop(signal.SIGKILL)

            await eventually(lambda: not any(map(is_alive, workers)))


async def statuses(bookly: Bookly) -> list[int]:
    """Return what each worker tells of its health; an empty list while one has just ended."""
    with suppress(Lost):
        async with bookly.lines() as lines:
            return [(await line.ask("GET", "/health/ready")).status for line in lines]
    return []


@pytest.mark.long
async def test_a_worker_that_is_killed_or_silent_is_replaced(tmp_path: Path) -> None:
    with serving(tmp_path, workers=2) as bookly:
        killed, silent = bookly.workers()
        async with bookly.lines() as (line, _):
            os.kill(killed, signal.SIGKILL)

            with pytest.raises(Lost):
                await line.ask("GET", "/health/live")
        # Sooner than one that does not respond.
        await eventually(
            lambda: len(bookly.workers()) == 2 and killed not in bookly.workers(),
            seconds=SILENCE_SECONDS * 0.75,
        )
        await until_ready(bookly)

        os.kill(silent, signal.SIGSTOP)

        await eventually(lambda: len(bookly.workers()) == 2 and silent not in bookly.workers())
        await until_ready(bookly)


@pytest.mark.long
async def test_a_replacement_that_cannot_start_is_tried_again_beside_the_others(
    tmp_path: Path,
) -> None:
    database, aside = tmp_path / "tokenpair.db", tmp_path / "aside.db"
    metrics = tmp_path / "metrics"
    metrics.mkdir()
    with serving(tmp_path, workers=2, PROMETHEUS_MULTIPROC_DIR=str(metrics)) as bookly:
        async with bookly.lines():
            killed, other = bookly.workers()
            database.rename(aside)
            database.mkdir()
            os.kill(killed, signal.SIGKILL)
            attempts = await until_logged(bookly, "starting another", times=3)
            left, kept = bookly.workers(), processes_with_files(metrics)

        database.rmdir()
        aside.rename(database)
        await eventually(lambda: len(bookly.workers()) == 2)
        await until_ready(bookly)

    assert other in left
    pauses = [later - earlier for earlier, later in pairwise(attempts)]
    assert min(pauses).total_seconds() > RETRY_SECONDS - 1  # By the wall clock.
    # Each attempt would leave 700 KB, every five seconds.
    assert kept == {killed, other}
    assert size_of_files(metrics, killed) < 2**16


@pytest.mark.long
async def test_a_worker_that_an_operator_stops_frees_its_space(tmp_path: Path) -> None:
    """As one that is restarted by SIGHUP."""
    metrics = tmp_path / "metrics"
    metrics.mkdir()
    with serving(tmp_path, workers=2, PROMETHEUS_MULTIPROC_DIR=str(metrics)) as bookly:
        async with bookly.lines():
            before = set(bookly.workers())

        os.kill(bookly.pid, signal.SIGTTOU)

        await eventually(lambda: len(bookly.workers()) == 1)
        (stopped,) = before - set(bookly.workers())
        await eventually(lambda: size_of_files(metrics, stopped) < 2**16)


async def until_logged(bookly: Bookly, text: str, *, times: int) -> list[datetime]:
    """Wait until the supervisor has logged it that often; return when. Fails if it has ended."""

    def logged() -> list[datetime]:
        lines = [line for line in bookly.log.read_text().splitlines() if text in line]
        return [datetime.fromisoformat(line.split()[0]) for line in lines]

    with suppress(TimeoutError):
        await eventually(lambda: len(logged()) >= times or not is_alive(bookly.pid))
    found = logged()
    assert len(found) >= times, f"{text!r} is not there {times} times: {bookly.log.read_text()}"
    return found


async def until_ready(bookly: Bookly) -> None:
    """Wait until both workers answer that they are ready.

    One that was stopped is not, for a while. One that began before the repair may still end.
    """
    async with limit():
        while await statuses(bookly) != [200, 200]:
            await asyncio.sleep(0.1)


def processes_with_files(folder: Path) -> set[int]:
    """Return the workers with metrics in the folder."""
    return {int(path.stem.rpartition("_")[2]) for path in folder.glob("*.db")}


def size_of_files(folder: Path, worker: int) -> int:
    """Return the size of a worker's metrics, in bytes."""
    return sum(file.stat().st_size for file in folder.glob(f"*_{worker}.db"))


@pytest.mark.parametrize(
    "factory", [pytest.param("stops", marks=pytest.mark.long), "raises", "lingers"]
)
def test_workers_that_cannot_start_are_an_error_of_the_server(tmp_path: Path, factory: str) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "tests.faults.failing", factory],
        env=os.environ | {"CHECKING": str(tmp_path / "checking")},
        stderr=subprocess.PIPE,
        text=True,
        check=False,
        timeout=LIMIT_SECONDS,
    )

    # With 0, systemd's `Restart=on-failure` would not start it again.
    assert ended.returncode == STARTUP_FAILURE
    assert "could not start" in ended.stderr
    assert "starting another" not in ended.stderr
