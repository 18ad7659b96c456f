"""The harness is right: it sends what it says, counts what fails, and writes down what it saw."""

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bench import cases, load, report
from bench.cases import Case, always, compare, flood, renewal_cases
from bench.load import Load, Traffic
from bench.server import Server, serve

ROOT = Path(__file__).parents[2]
SQLITE = "sqlite:///{folder}/bench.db"

# wrk is here or it is not; we ourselves always are.
GENERATORS = ["ours", *(["wrk"] if load.WRK else [])]


@pytest.fixture(params=GENERATORS)
def generator(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "ours":
        monkeypatch.setattr(load, "WRK", None)


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    async with serve(SQLITE) as server:
        yield server


async def send(server: Server, traffic: Traffic) -> Load:
    return await load.send(server.port, traffic, connections=4, seconds=0.5)


@pytest.mark.usefixtures("generator")
async def test_every_answer_that_is_no_success_is_an_error(server: Server) -> None:
    pairs = await server.log_in(2)
    access = [pair["access_token"] for pair in pairs]

    fine = await send(server, Traffic(path="/protected", tokens=access))
    missing = await send(server, Traffic(path="/nowhere"))
    half = await send(server, Traffic(path="/protected", tokens=[access[0], "garbage"]))

    assert (fine.errors, missing.errors) == (0, missing.requests)
    assert fine.requests > 0
    assert 0 < fine.p50 <= fine.p99
    assert abs(half.errors - half.requests / 2) <= 4


@pytest.mark.usefixtures("generator")
async def test_a_chain_of_renewals_rotates_at_every_step(server: Server) -> None:
    _, renewal = await renewal_cases(server, 1)
    traffic = await renewal.traffic()

    seen = await send(server, traffic)

    assert seen.errors == 0
    again = await send(server, traffic)  # The tokens that it began with are long left behind.
    assert again.errors == again.requests


async def test_tokens_made_for_the_cold_case_are_good_and_all_different(server: Server) -> None:
    (pair,) = await server.log_in(1)

    tokens = server.fresh_access_tokens(pair, 50) + server.fresh_access_tokens(pair, 50)

    assert len(set(tokens)) == 100
    assert (await send(server, Traffic(path="/protected", tokens=tokens))).errors == 0


@pytest.mark.usefixtures("generator")
async def test_each_round_measures_every_case_and_the_first_is_dropped(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(cases, "CONNECTIONS", 2)

    async def make(_: Server, __: float) -> list[Case]:
        paths = {"bare": "/bare", "broken": "/nowhere"}
        return [Case(name=name, traffic=always(Traffic(path=p))) for name, p in paths.items()]

    measured = await compare(make, SQLITE, rounds=2, seconds=0.2)

    rows = report.rows(measured)
    assert [len(row.cpu_ratios) for row in rows] == [2, 2]
    assert rows[0].rate_ratios == rows[0].cpu_ratios == [1.0, 1.0]
    assert rows[0].errors == 0
    # Those of the round before the first are errors, too.
    assert rows[1].errors > sum(each.requests for each in measured[1].loads) > 0
    assert f"{rows[1].errors} ERRORS" in report.table("a run", rows)


async def test_a_flood_disturbs_nobodys_session() -> None:
    (seen,) = await flood(SQLITE, rounds=1, seconds=1)

    assert seen.errors == 0
    assert min(seen.idle.requests, seen.flooded.requests, seen.log_ins.requests) > 0
    assert seen.memory_mib > 10


async def test_a_server_that_hangs_up_is_an_error_and_no_crash() -> None:
    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.close()

    rude = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    port = rude.sockets[0].getsockname()[1]
    async with rude:
        seen = await load._send_by_ourselves(port, Traffic(path="/"), connections=2, seconds=0.1)

    assert seen.errors == seen.requests > 0


def test_a_table_shows_medians_and_spread() -> None:
    row = report.Row(
        case="a case",
        rate_ratios=[0.5, 0.75, 0.25],
        cpu_ratios=[2.0, 3.0, 1.0],
        cpu_microseconds=[100.0, 300.0, 200.0],
        p50_milliseconds=[1.0, 1.0, 1.0],
        p99_milliseconds=[5.0, 9.0, 7.0],
        errors=0,
    )

    line = report.table("a run", [row]).splitlines()[1]

    assert "0.50 (0.25 - 0.75)" in line
    assert "2.00 (1.00 - 3.00)" in line
    assert line.split()[-2:] == ["200", "7.0"]


def test_what_is_saved_is_json_with_the_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(report, "RESULTS", tmp_path)

    path = report.save({"rounds": 1}, {"flood": []})

    saved = json.loads(path.read_text())
    assert saved["options"] == {"rounds": 1}
    assert saved["machine"].keys() == {"cpu", "cores", "python", "load", "packages"}


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["speed"], "there is no group 'speed'; there are requests, renewals, flood"),
        (["--rounds", "0"], "there must be a round"),
        (["--seconds", "-1"], "there must be a round"),
    ],
)
def test_what_cannot_be_measured_is_refused(arguments: list[str], complaint: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bench", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 2
    assert complaint in done.stderr
