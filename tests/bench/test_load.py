"""The load sends what its name says, and failures are counted."""

import asyncio
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from bench import load, wrk
from bench.cases import Case, always, measure
from bench.groups.renewals import renewal_case
from bench.server import Server
from bench.traffic import Load, Traffic

ROOT = Path(__file__).parents[2]
Send = Callable[[Server, Traffic, float], Awaitable[Load]]


async def send_by_ourselves(server: Server, traffic: Traffic, times: float) -> Load:
    return await load.send_by_ourselves(server.port, traffic, connections=4, seconds=0.3 * times)


async def send_by_wrk(server: Server, traffic: Traffic, times: float) -> Load:
    return Load(**await wrk.send(server.port, traffic, connections=4, seconds=times))


# wrk may be missing; the Python client never is.
WRK = [pytest.param(send_by_wrk, marks=pytest.mark.long)] if wrk.PATH else []


@pytest.fixture(params=[send_by_ourselves, *WRK])
def send(request: pytest.FixtureRequest) -> Send:
    chosen: Send = request.param
    return chosen


async def test_every_answer_that_is_no_success_is_an_error(server: Server, send: Send) -> None:
    access = [pair["access_token"] for pair in await server.log_in(2)]

    fine = await send(server, Traffic(path="/protected", tokens=access), 1)
    missing = await send(server, Traffic(path="/nowhere"), 1)
    half = await send(server, Traffic(path="/protected", tokens=[access[0], "garbage"]), 1)

    assert (fine.errors, missing.errors) == (0, missing.requests)
    assert fine.requests > 0
    assert 0 < fine.p50 <= fine.p99
    assert abs(half.errors - half.requests / 2) <= 4


async def test_a_chain_of_renewals_rotates_at_every_step(server: Server, send: Send) -> None:
    for times in (1, 2, 4, 8, 16, 32, 64):
        traffic = await renewal_case("a renewal", server).traffic()
        seen = await send(server, traffic, times)
        assert seen.errors == 0 < seen.requests
        if seen.requests > 40:  # Ten rotations of each connection.
            break
    assert seen.requests > 40

    again = await send(server, traffic, 1)  # Its used tokens were replaced long ago.
    assert again.errors >= 4


async def test_tokens_made_for_the_cold_case_are_good_and_all_different(server: Server) -> None:
    (pair,) = await server.log_in(1)

    tokens = server.fresh_access_tokens(pair, 50) + server.fresh_access_tokens(pair, 50)

    assert len(set(tokens)) == 100
    seen = await load.send_once(
        server.port, Traffic(path="/protected", tokens=tokens), connections=4
    )
    assert (seen.requests, seen.errors) == (100, 0)


async def test_each_round_measures_every_case_and_the_first_is_dropped(server: Server) -> None:
    cases = [
        Case(name=path, served_by=server, traffic=always(Traffic(path=path)), connections=2)
        for path in ("/bare", "/nowhere")
    ]

    await measure(cases, rounds=2, seconds=0.2)

    bare, broken = cases
    assert [len(case.loads) for case in cases] == [len(case.cpu) for case in cases] == [2, 2]
    assert bare.errors == 0
    # Errors of the warm-up round count as well.
    assert broken.errors > sum(each.requests for each in broken.loads) > 0


async def test_each_connection_sends_a_request_though_its_time_is_over(server: Server) -> None:
    """A busy machine may use up a short time before the first request."""
    seen = await load.send_by_ourselves(
        server.port, Traffic(path="/bare"), connections=3, seconds=0
    )

    assert (seen.requests, seen.errors) == (3, 0)


async def test_a_server_that_hangs_up_is_an_error_and_no_crash() -> None:
    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.close()

    rude = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    port = rude.sockets[0].getsockname()[1]
    async with rude:
        seen = await load.send_by_ourselves(port, Traffic(path="/"), connections=2, seconds=0.1)

    assert seen.errors == seen.requests > 0


def test_without_wrk_the_bench_sends_by_itself_and_says_how_to_install_it(tmp_path: Path) -> None:
    program = "from bench import load; print(load.GENERATOR)"

    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env={"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout == "the bench itself (better: apt install wrk)\n"
