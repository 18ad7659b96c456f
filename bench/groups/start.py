"""Group `start`: time to import the library, and until Bookly answers (target 8)."""

import asyncio
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench.client import Connection
from bench.figures import MILLISECONDS, BenchError, Row, Table
from bench.processes import ROOT
from bench.run import Run
from tests.ports import reserved_port

TITLE = "start"
FASTAPI = "import fastapi"
TOKENPAIR = "import tokenpair, after fastapi"
EDGE = "import tokenpair.fastapi, after both"
FIRST_ANSWER = "bookly serve, until the first answer"

DEADLINE_SECONDS = 120

_IMPORTS = """
import time
began = time.perf_counter()
import fastapi
first = time.perf_counter()
from tokenpair import Auth  # The package imports a name when it is first used.
second = time.perf_counter()
import tokenpair.fastapi
third = time.perf_counter()
print(first - began, second - first, third - second)
"""


async def run(options: Run) -> list[Table]:
    """Measure in a new process each time, after one for warming up."""
    seen: dict[str, list[float]] = {name: [] for name in (FASTAPI, TOKENPAIR, EDGE, FIRST_ANSWER)}
    with tempfile.TemporaryDirectory() as data:
        for number in range(options.rounds + 1):
            times = [*import_times(), await time_until_first_answer(Path(data))]
            if number:  # The first process has also created the database.
                for values, seconds in zip(seen.values(), times, strict=True):
                    values.append(seconds * 1e3)
    rows = [Row(name=name, figures={MILLISECONDS: values}) for name, values in seen.items()]
    return [Table(title=TITLE, rows=rows)]


def import_times() -> list[float]:
    """Return the seconds of each import in a new interpreter."""
    command = [sys.executable, "-c", _IMPORTS]
    done = subprocess.run(command, env=_compiling(), capture_output=True, text=True, check=False)
    if done.returncode:
        raise BenchError(f"the library cannot be imported:\n{done.stderr}")
    return [float(each) for each in done.stdout.split()]


def _compiling() -> dict[str, str]:
    """Return an environment in which Python keeps bytecode, as it does by default."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


async def time_until_first_answer(data: Path) -> float:
    """Return the seconds from the command to the first answer of any kind."""
    with reserved_port() as port:
        command = [sys.executable, "-m", "bookly", "serve", "--port", str(port)]
        began = time.perf_counter()
        bookly = subprocess.Popen(
            [*command, "--data-dir", str(data)],
            cwd=ROOT,
            env=_compiling(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            await _first_answer(bookly, port, began + DEADLINE_SECONDS)
            return time.perf_counter() - began
        finally:
            bookly.terminate()
            bookly.wait()


async def _first_answer(bookly: "subprocess.Popen[bytes]", port: int, deadline: float) -> None:
    request = b"GET /health/ready HTTP/1.1\r\nHost: bench\r\n\r\n"
    while bookly.poll() is None and time.perf_counter() < deadline:
        try:
            async with Connection(port) as connection:
                await connection.ask(request)
        except OSError:
            await asyncio.sleep(0.002)
        else:
            return
    raise BenchError("bookly serve did not start")
