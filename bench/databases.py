"""Databases for the benchmark: SQLite files, and a PostgreSQL that writes to disk."""

import tempfile
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import parse_qs, urlsplit

from bench.processes import cpu_seconds_with_the_dead
from tests.servers import PostgresServer, postgres

SQLITE = "SQLite"
POSTGRESQL = "PostgreSQL"


class Databases:
    """Creates empty databases. The first request for a PostgreSQL database starts the server."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory()))
        self._numbers = count()
        self._server: PostgresServer | None = None

    def sqlite(self) -> str:
        """Return a new SQLite URL."""
        return f"sqlite:///{self._folder}/{next(self._numbers)}.db"

    def postgresql(self) -> str:
        """Create a new database on the run's PostgreSQL server."""
        if self._server is None:
            self._server = self._stack.enter_context(postgres(fsync=True))
        return self._server.create_database()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stack.close()


def socket_folder(url: str) -> Path:
    """Return the folder with the socket of the server in a PostgreSQL URL."""
    return Path(parse_qs(urlsplit(url).query)["host"][0])


def database_cpu_seconds(url: str) -> float:
    """Return the CPU time of the PostgreSQL server and all its processes, in seconds."""
    pid = (socket_folder(url) / "data/postmaster.pid").read_text().split()[0]
    return cpu_seconds_with_the_dead(int(pid))
