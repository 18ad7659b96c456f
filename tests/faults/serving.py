"""Real Booklys with real workers, which these tests stop, kill and start again."""

import asyncio
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from functools import partial
from pathlib import Path

from bookly.ops.workers import FOLDER
from tests.faults.talk import Line, Lost
from tests.processes import children, command, has_accepted, is_alive, stands_still
from tests.waiting import LIMIT_SECONDS, eventually

ISSUER = "http://bookly.test"


class Bookly:
    """`bookly serve` on a free port, which stays the same when it is restarted.

    Servers in one folder share the keys and, without another database, SQLite. `variables` are
    settings.
    """

    def __init__(self, folder: Path, *, workers: int = 1, **variables: str) -> None:
        self.log = folder / f"log-{time.monotonic_ns()}.txt"
        self.port = 0
        self._folder = folder
        self._number = workers
        self._metrics = Path(variables.get(FOLDER, folder / f"metrics-{time.monotonic_ns()}"))
        # A single worker shares no metrics.
        self._variables = ({FOLDER: str(self._metrics)} if workers > 1 else {}) | variables
        self._process: subprocess.Popen[bytes] | None = None
        self._dialling = asyncio.Lock()

    def start(self) -> None:
        """Start it, and return when its port is open and all its workers serve."""
        if self._number > 1:
            self._metrics.mkdir(exist_ok=True)
        options = [f"--port={self.port}", f"--data-dir={self._folder}", f"--workers={self._number}"]
        # Not a pipe: once closed, it would break while the server still writes its first lines.
        said = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open("a") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "bookly", "serve", *options],
                stdout=log,
                stderr=log,
                cwd=self._folder,
                env=_environment() | {"TOKENPAIR_BASE_URL": ISSUER} | self._variables,
            )
        self._wait(lambda: "Ctrl-C stops it" in self.log.read_text()[said:])
        found = re.search(r"Bookly is at \S+:(\d+)", self.log.read_text()[said:])
        assert found
        self.port = int(found[1])
        self._wait(self._has_all_workers)

    def _wait(self, condition: Callable[[], bool]) -> None:
        assert self._process is not None
        deadline = time.monotonic() + LIMIT_SECONDS
        while not condition():
            is_well = self._process.poll() is None and time.monotonic() < deadline
            assert is_well, f"Bookly did not start:\n{self.log.read_text()}"
            time.sleep(0.01)

    def _has_all_workers(self) -> bool:
        workers = self.workers()
        return len(workers) == self._number and all(map(self._serves, workers))

    def _serves(self, worker: int) -> bool:
        """Return whether it has started. One of several makes such a file at the end of that."""
        return self._number == 1 or (self._metrics / f"gauge_livesum_{worker}.db").exists()

    def stop(self, by: signal.Signals = signal.SIGTERM) -> int:
        """Stop it, and return its exit code. Stopping twice is fine."""
        assert self._process is not None
        self._process.send_signal(by)
        return self._process.wait(timeout=LIMIT_SECONDS)

    @property
    def pid(self) -> int:
        """The process that was started: the only worker, or the supervisor of several."""
        assert self._process is not None
        return self._process.pid

    def workers(self) -> list[int]:
        """Return the processes that answer requests."""
        if self._number == 1:
            return [self.pid]
        # Python has one more child, which cleans up.
        return [pid for pid in children(self.pid) if "spawn_main" in command(pid)]

    @asynccontextmanager
    async def lines(self, each: int = 1) -> AsyncIterator[list[Line]]:
        """Open connections to each worker, in the order of `workers`."""
        lines: list[Line] = []
        try:
            for worker in [pid for pid in self.workers() for _ in range(each)]:
                line = await self._dial(worker)
                line.redial = partial(self._dial, worker)
                lines.append(line)
                # At once: the server closes a connection without a request in 10 s.
                assert (await line.ask("GET", "/health/live")).status == 200
            yield lines
        finally:
            for line in lines:
                line.hang_up()

    async def _dial(self, worker: int) -> Line:
        """Connect to this worker, while all others are stopped.

        They are stopped for a moment only: the server closes idle connections, and its supervisor
        replaces a worker that is silent. Raises `Lost` when the worker has ended.
        """
        async with self._dialling:
            # A worker that replaces another may still be starting, which takes long.
            await eventually(lambda: self._serves(worker) or worker not in self.workers())
            # One that a test has stopped must not go on.
            others = [pid for pid in self.workers() if pid != worker and not stands_still(pid)]
            try:
                for pid in others:
                    _send(signal.SIGSTOP, pid)
                await eventually(lambda: not any(map(_runs, others)))
                return await self._connect_to(worker)
            finally:
                for pid in others:
                    _send(signal.SIGCONT, pid)

    async def _connect_to(self, worker: int) -> Line:
        """Connect, and wait until the worker accepts. Raises `Lost` when it has ended."""
        line = await Line.open(self.port)
        is_accepted = False
        try:
            await eventually(
                lambda: has_accepted(worker, line.local_port) or worker not in self.workers()
            )
            is_accepted = has_accepted(worker, line.local_port)
        finally:
            if not is_accepted:
                line.hang_up()
        if not is_accepted:
            raise Lost
        return line


def _send(number: signal.Signals, pid: int) -> None:
    """Send a signal to a process, unless it has ended."""
    with suppress(ProcessLookupError):
        os.kill(pid, number)


def _runs(pid: int) -> bool:
    return is_alive(pid) and not stands_still(pid)


@contextmanager
def serving(folder: Path, *, workers: int = 1, **variables: str) -> Iterator[Bookly]:
    """Run one during the block. No process is left afterwards, also after a crash."""
    bookly = Bookly(folder, workers=workers, **variables)
    bookly.start()
    try:
        yield bookly
    finally:
        running = bookly.workers()
        bookly.stop()
        left = [pid for pid in running if is_alive(pid)]
        for pid in left:
            os.kill(pid, signal.SIGKILL)
        assert not left, bookly.log.read_text()


def _environment() -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return kept | {"TOKENPAIR_LIMITS": "off"}  # All clients have one address.
