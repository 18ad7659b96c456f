"""`./run bench`: what a request and a renewal cost, as ratios to a bare route in the same run.

One uvicorn worker (uvloop, httptools), the load from this process on the other core. In each
round every case runs once, in random order; what is shown is the median of the rounds and their
spread. The server's CPU time per request is the figure to trust: throughput also depends on how
many cores the machine has to spare.
"""

import argparse
import asyncio
import json
import os
import platform
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bench.client import Connection, Load, Next, load, request

CONNECTIONS = 32
TICKS = os.sysconf("SC_CLK_TCK")
RESULTS = Path(__file__).parent / "results"
PASSWORD = "correct horse battery staple"


@dataclass
class Case:
    """One thing that is measured, and what each round has seen."""

    name: str
    first: list[bytes]
    following: Next
    rates: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    errors: int = 0


@dataclass
class Server:
    """A running server: its port, its process, its open connections."""

    port: int
    pid: int
    connections: list[Connection]

    def cpu_seconds(self) -> float:
        """Read how much CPU time the server has used, in user and system."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(") ")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS


@asynccontextmanager
async def serve(database_url: str) -> AsyncIterator[Server]:
    """Start the app on a database, and stop it."""
    with tempfile.TemporaryDirectory() as folder:
        command = "uvicorn --factory bench.app:create_app --no-access-log --log-level warning"
        port = random.randint(20000, 40000)
        process = subprocess.Popen(  # noqa: ASYNC220  It only starts here.
            [sys.executable, "-m", *command.split(), "--port", str(port)],
            env={**os.environ, "BENCH_DATABASE_URL": database_url.format(folder=folder)},
        )
        try:
            connections = [await _connect(port) for _ in range(CONNECTIONS)]
            yield Server(port, process.pid, connections)
            for connection in connections:
                connection.close()
        finally:
            process.terminate()
            process.wait()


async def _connect(port: int) -> Connection:
    for _ in range(200):
        try:
            return await Connection.open(port)
        except OSError:
            await asyncio.sleep(0.1)
    raise SystemExit("bench: the server did not start")


async def log_in(server: Server) -> list[dict[str, str]]:
    """Open a session for each connection; give their pairs."""
    pairs = []
    for number, connection in enumerate(server.connections):
        body = {"email": f"reader{number}@example.com", "password": PASSWORD}
        await connection.send(request("POST", "/auth/signup", body=body))
        _, answer = await connection.send(request("POST", "/auth/login", body=body))
        pairs.append(json.loads(answer))
    return pairs


def the_same(messages: list[bytes]) -> Next:
    """Send the same request again."""
    return lambda number, _: messages[number]


def the_next_renewal(_: int, answer: bytes) -> bytes:
    """Present the refresh token that the last answer has brought."""
    return request("POST", "/auth/refresh_token", token=json.loads(answer)["refresh_token"])


async def cases_of(server: Server, database: str) -> list[Case]:
    """Make the cases that are measured on one server."""
    pairs = await log_in(server)
    plain = {
        "bare route": [request("GET", "/bare")] * CONNECTIONS,
        "no-op dependency": [request("GET", "/no-op")] * CONNECTIONS,
        "authenticated request": [
            request("GET", "/protected", token=pair["access_token"]) for pair in pairs
        ],
    }
    renewal = [
        request("POST", "/auth/refresh_token", token=pair["refresh_token"]) for pair in pairs
    ]
    return [
        *(
            Case(f"{name}, {database}", messages, the_same(messages))
            for name, messages in plain.items()
        ),
        Case(f"renewal that rotates, {database}", renewal, the_next_renewal),
    ]


async def measure(server: Server, case: Case, seconds: float) -> None:
    """Run a case for some seconds, and keep what was seen."""
    before = server.cpu_seconds()
    last = list(case.first)

    def following(number: int, body: bytes) -> bytes:
        last[number] = case.following(number, body)
        return last[number]

    seen: Load = await load(server.connections, case.first, following, seconds)
    case.first = last  # A renewal goes on from where it was.
    case.rates.append(seen.requests / seen.seconds)
    case.cpu.append((server.cpu_seconds() - before) / seen.requests)
    case.errors += seen.errors


async def compare(database: str, url: str, rounds: int, seconds: float) -> list[Case]:
    """Measure all cases on one database, interleaved."""
    async with serve(url) as server:
        cases = await cases_of(server, database)
        for number in range(rounds + 1):
            for case in random.sample(cases, len(cases)):
                await measure(server, case, seconds)
                if not number:  # The first round warms up.
                    case.rates, case.cpu = [], []
        return cases


def show(cases: list[Case]) -> list[dict[str, object]]:
    """Print the table; give its rows."""
    bare = cases[0]
    rows: list[dict[str, object]] = []
    print(
        f"\n{'':<40} {'x bare':>7} {'spread':>13} {'CPU x bare':>11} {'spread':>13} {'CPU µs':>8}"
    )
    for case in cases:
        rates = [rate / reference for rate, reference in zip(case.rates, bare.rates, strict=True)]
        cpus = [cpu / reference for cpu, reference in zip(case.cpu, bare.cpu, strict=True)]
        micros = statistics.median(case.cpu) * 1e6
        print(
            f"{case.name:<40} {statistics.median(rates):7.2f} {_spread(rates):>13} "
            f"{statistics.median(cpus):11.2f} {_spread(cpus):>13} {micros:8.0f}"
            + (f"  {case.errors} ERRORS" if case.errors else "")
        )
        rows.append(
            {
                "case": case.name,
                "rate_ratio": statistics.median(rates),
                "cpu_ratio": statistics.median(cpus),
                "cpu_microseconds": micros,
                "rate_ratios": rates,
                "cpu_ratios": cpus,
                "errors": case.errors,
            }
        )
    return rows


def _spread(values: list[float]) -> str:
    return f"{min(values):.2f} - {max(values):.2f}"


@contextmanager
def database_urls() -> Iterator[dict[str, str]]:
    """Give each database's URL; PostgreSQL is started for the run."""
    from tests.servers import postgres  # noqa: PLC0415  Not needed for --help.

    with postgres(fsync=True) as server:
        yield {
            "SQLite": "sqlite:///{folder}/bench.db",
            "PostgreSQL": server.create_database(),
        }


def main() -> int:
    """Measure, print, and write the results down."""
    parser = argparse.ArgumentParser(prog="./run bench", description=__doc__.partition("\n\n")[0])
    parser.add_argument("--rounds", type=int, default=9, help="how often each case runs (9)")
    parser.add_argument("--seconds", type=float, default=2, help="how long each time (2)")
    options = parser.parse_args()
    rows = []
    with database_urls() as urls:
        for database, url in urls.items():
            cases = asyncio.run(compare(database, url, options.rounds, options.seconds))
            rows += show(cases)
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{time.strftime('%Y-%m-%d-%H%M%S')}.json"
    machine = {"cores": os.cpu_count(), "python": platform.python_version()}
    path.write_text(
        json.dumps({"machine": machine, **vars(options), "rows": rows}, indent=2) + "\n"
    )
    print(f"\nWritten to {path.relative_to(Path.cwd())}")
    if errors := sum(int(str(row["errors"])) for row in rows):
        print(f"{errors} requests failed: a run with errors is not a result.", file=sys.stderr)
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
