"""Start and stop the measured processes, and read what they have used."""

import asyncio
import os
import subprocess
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.client import Connection
from bench.figures import BenchError

ROOT = Path(__file__).parents[1]
TICKS = os.sysconf("SC_CLK_TCK")
START_SECONDS = 120
STOP_SECONDS = 15


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """A server on a port, with all its child processes."""

    pid: int
    port: int

    def cpu_seconds(self) -> float:
        """Return the user and system CPU time of all these processes, in seconds."""
        return sum(map(_cpu_seconds, family(self.pid)))

    def memory_mib(self) -> float:
        """Return the resident memory of all these processes, in MiB."""
        return sum(map(_memory_kib, family(self.pid))) / 1024


def family(pid: int) -> list[int]:
    """Return the ids of a process and all its descendants."""
    found = [pid]
    for each in found:
        found += _children(each)
    return found


def cpu_seconds_with_the_dead(pid: int) -> float:
    """Return the CPU time of a family in seconds, including children that have ended."""
    dead = _stat(pid)[13:15]  # `cutime` and `cstime` of proc_pid_stat(5).
    return sum(map(_cpu_seconds, family(pid))) + sum(map(int, dead)) / TICKS


@asynccontextmanager
async def running(
    command: Sequence[str], *, port: int, asked: str, env: Mapping[str, str]
) -> AsyncIterator[Process]:
    """Run a server; the block begins when the server answers a GET of the path `asked`.

    Raises `BenchError`, with the last lines of the output, if the server does not start.
    """
    with tempfile.TemporaryFile("w+") as said:
        process = subprocess.Popen(
            command, env=os.environ | env, cwd=ROOT, stdout=said, stderr=subprocess.STDOUT
        )
        try:
            if not await _answers(process, port, asked):
                said.seek(0)
                last = "\n".join(said.read().splitlines()[-15:])
                raise BenchError(f"the server did not start: {' '.join(command[:6])}\n{last}")
            yield Process(pid=process.pid, port=port)
        finally:
            process.terminate()
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


async def _answers(process: "subprocess.Popen[bytes]", port: int, path: str) -> bool:
    async def ask() -> bool:
        while process.poll() is None:
            try:
                async with Connection(port) as connection:
                    await connection.ask(f"GET {path} HTTP/1.1\r\nHost: bench\r\n\r\n".encode())
            except OSError:
                await asyncio.sleep(0.02)
            else:
                return True
        return False

    try:
        return await asyncio.wait_for(ask(), START_SECONDS)
    except TimeoutError:
        return False


def _children(pid: int) -> list[int]:
    try:
        return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:  # The process has just ended.
        return []


def _stat(pid: int) -> list[str]:
    """Return the fields of /proc/PID/stat after the command; zeros if the process has ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    except OSError:
        return ["0"] * 20


def _cpu_seconds(pid: int) -> float:
    fields = _stat(pid)  # `utime` and `stime`.
    return (int(fields[11]) + int(fields[12])) / TICKS


def _memory_kib(pid: int) -> int:
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    return int(status.partition("VmRSS:")[2].split()[0])
