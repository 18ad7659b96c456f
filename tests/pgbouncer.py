"""A real PgBouncer in front of a test server."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

from tests.servers import NOBODY, PostgresServer
from tests.tools import program
from tests.waiting import LIMIT_SECONDS

PORT = 6432
_CONFIGURATION = """
[databases]
* = host={server} port=5432
[pgbouncer]
listen_addr =
listen_port = {port}
unix_socket_dir = {folder}
auth_type = trust
auth_file = {folder}/users.txt
pool_mode = {mode}
default_pool_size = {size}
"""


class PgBouncer:
    """Listens on a socket in a folder of its own, like the server behind it."""

    def __init__(self, server: PostgresServer, *, size: int = 30) -> None:
        self._server = server.url("x").partition("?host=")[2]
        self._size = size
        self._folder = Path(tempfile.mkdtemp(prefix="tokenpair-pgb-", dir="/tmp"))
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, mode: str) -> None:
        """Start it, and return when it accepts connections."""
        (self._folder / "users.txt").write_text('"postgres" ""\n')
        self._configure(mode)
        # PgBouncer refuses to run as root.
        lower: Any = {"user": NOBODY, "group": NOBODY, "extra_groups": []}
        if os.geteuid() == 0:
            for path in (self._folder, *self._folder.iterdir()):
                os.chown(path, NOBODY, NOBODY)
        self._process = subprocess.Popen(
            [program("pgbouncer"), str(self._folder / "ini")],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            **(lower if os.geteuid() == 0 else {}),
        )
        deadline = time.monotonic() + LIMIT_SECONDS
        while True:
            try:
                psycopg.connect(self.url("postgres")).close()
            except psycopg.OperationalError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.02)
            else:
                return

    def reload(self, mode: str) -> None:
        """Change its mode, for clients that connect from now on."""
        assert self._process is not None
        self._configure(mode)
        self._process.send_signal(signal.SIGHUP)

    def stop(self) -> None:
        """End it, and remove its folder."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        shutil.rmtree(self._folder)

    def url(self, database: str) -> str:
        """Name a database of the server behind it."""
        return f"postgresql://postgres@/{database}?host={self._folder}&port={PORT}"

    def through(self, url: str) -> str:
        """Turn a database's own URL into one that leads through the pooler."""
        return self.url(url.partition("@/")[2].partition("?")[0])

    def _configure(self, mode: str) -> None:
        text = _CONFIGURATION.format(
            server=self._server, port=PORT, folder=self._folder, mode=mode, size=self._size
        )
        (self._folder / "ini").write_text(text)


@contextmanager
def pgbouncer(server: PostgresServer, mode: str, *, size: int = 30) -> Iterator[PgBouncer]:
    """Run a PgBouncer during the block; `size` is the size of each pool."""
    pooler = PgBouncer(server, size=size)
    try:
        pooler.start(mode)
        yield pooler
    finally:
        pooler.stop()
