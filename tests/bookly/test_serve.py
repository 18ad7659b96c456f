"""The command `bookly`, as a process of its own."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest
from click import unstyle
from typer.testing import CliRunner

from bookly import cli
from tests.processes import children
from tests.waiting import LIMIT_SECONDS, wait_until
from tokenpair import Keyring
from tokenpair.core.tokens.key_rotation import compromise
from tokenpair.key_file import change_keyring
from tokenpair.pace import utc_now

BOOKLY = [sys.executable, "-m", "bookly"]
ACCOUNT = {"email": "ada@example.com", "password": "correct horse battery staple"}


def environment(**more: str) -> dict[str, str]:
    # Without the coverage tool and the warning filters of the test run.
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return {**kept, **more}


def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*BOOKLY, *arguments],
        env=environment(**variables),
        capture_output=True,
        text=True,
        timeout=LIMIT_SECONDS,
        check=False,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    url: str
    greeting: str
    process: subprocess.Popen[str]
    log: Path

    def stop(self, by: signal.Signals) -> int:
        self.process.send_signal(by)
        return self.process.wait(timeout=LIMIT_SECONDS)


@contextmanager
def serving(folder: Path, arguments: Sequence[str] = (), **variables: str) -> Iterator[Running]:
    """Serve on a free port, and return when it answers."""
    log = folder / "log.txt"
    options = ["--port", "0", "--data-dir", str(folder / "data"), *arguments]
    with (
        log.open("w") as errors,
        subprocess.Popen(
            [*BOOKLY, "serve", *options],
            env=environment(**variables),
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        ) as process,
    ):
        try:
            assert process.stdout is not None
            greeting = [process.stdout.readline() for _ in range(5)]
            url = greeting[0].split()[-1] if greeting[0] else ""
            assert url.startswith("http://127.0.0.1:"), log.read_text()
            # The port is open, so this waits until a worker accepts the connection.
            assert httpx2.get(f"{url}/health/ready").status_code == 200
            yield Running(url=url, greeting="".join(greeting), process=process, log=log)
        finally:
            process.terminate()  # Not killed: its workers would stay alive.
            process.wait(timeout=LIMIT_SECONDS)


def assert_told_in_one_line(done: subprocess.CompletedProcess[str], *words: str) -> None:
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1, done.stderr
    assert done.stderr.startswith("bookly: ")
    for word in words:
        assert word in done.stderr


# It serves


def test_it_serves_and_says_where_everything_is(tmp_path: Path) -> None:
    with serving(tmp_path) as running:
        answer = httpx2.get(f"{running.url}/api/v1/openapi.json")

    assert answer.status_code == 200
    assert "Server" not in answer.headers
    assert f"{running.url}/api/v1/docs" in running.greeting
    assert f"{running.url}/health/ready" in running.greeting
    assert str(tmp_path / "data") in running.greeting
    assert (tmp_path / "data" / "keys.json").stat().st_mode & 0o077 == 0


def test_several_workers_share_sessions_and_books(tmp_path: Path) -> None:
    with serving(tmp_path, ["--workers", "2"]) as running:
        auth = f"{running.url}/api/v1/auth"
        signed_up = httpx2.post(f"{auth}/signup", json=ACCOUNT)
        pair = httpx2.post(f"{auth}/login", json=ACCOUNT).json()
        headers = {"Authorization": f"Bearer {pair['access_token']}"}
        # Each on a connection of its own, which either worker may accept.
        answers = [httpx2.get(f"{auth}/me", headers=headers) for _ in range(10)]

        assert signed_up.status_code == 201
        assert [answer.status_code for answer in answers] == [200] * 10
        assert running.stop(signal.SIGTERM) == 0

    assert "Traceback" not in running.log.read_text()


def test_a_stranger_on_loopback_cannot_choose_the_address_we_see(tmp_path: Path) -> None:
    """By default Uvicorn would trust it."""
    with serving(tmp_path) as running:
        auth = f"{running.url}/api/v1/auth"
        forwarded = {"X-Forwarded-For": "6.6.6.6", "X-Forwarded-Proto": "https"}
        httpx2.post(f"{auth}/signup", json=ACCOUNT)
        pair = httpx2.post(f"{auth}/login", json=ACCOUNT, headers=forwarded).json()
        headers = {"Authorization": f"Bearer {pair['access_token']}"}
        (session,) = httpx2.get(f"{auth}/sessions", headers=headers).json()

    assert session["ip"] == "127.0.0.1"


def test_an_account_outlives_a_restart(tmp_path: Path) -> None:
    with serving(tmp_path) as running:
        httpx2.post(f"{running.url}/api/v1/auth/signup", json=ACCOUNT)
        running.stop(signal.SIGTERM)

    with serving(tmp_path) as running:
        logged_in = httpx2.post(f"{running.url}/api/v1/auth/login", json=ACCOUNT)

    assert logged_in.status_code == 200


def test_it_serves_on_postgres_and_does_not_tell_the_password(
    tmp_path: Path, postgres_url: str
) -> None:
    url = postgres_url.replace("postgres@", "postgres:secret@")

    with serving(tmp_path, ["--database-url", url]) as running:
        signed_up = httpx2.post(f"{running.url}/api/v1/auth/signup", json=ACCOUNT)

    assert signed_up.status_code == 201
    assert "data      postgresql" in running.greeting
    assert "secret" not in running.greeting + running.log.read_text()


@pytest.mark.parametrize("by", [signal.SIGTERM, signal.SIGINT], ids=lambda each: each.name)
def test_a_signal_ends_it_cleanly(tmp_path: Path, by: signal.Signals) -> None:
    with serving(tmp_path) as running:
        code = running.stop(by)

    assert code == 0
    assert "Traceback" not in running.log.read_text()


def has_signal(pid: int, mask: str, number: signal.Signals) -> bool:
    """Return whether a mask of a process, such as `SigCgt` of those it handles, has a signal."""
    status = Path(f"/proc/{pid}/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith(mask))
    return bool(int(line.split()[1], 16) >> (number - 1) & 1)


@pytest.mark.parametrize("by", [signal.SIGTERM, signal.SIGINT], ids=lambda each: each.name)
@pytest.mark.parametrize(
    "after",
    [
        0.0,
        pytest.param(0.2, marks=pytest.mark.long),
        0.5,
        pytest.param(1.0, marks=pytest.mark.long),
    ],
)
def test_a_signal_while_it_starts_leaves_no_traceback(
    tmp_path: Path, by: signal.Signals, after: float
) -> None:
    with subprocess.Popen(
        [*BOOKLY, "serve", "--port", "0", "--data-dir", str(tmp_path)],
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        wait_until(
            lambda: process.poll() is not None or has_signal(process.pid, "SigCgt", signal.SIGTERM)
        )
        assert process.poll() is None
        # The point that it has reached depends on the machine, and must not matter.
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(after)
        process.send_signal(by)
        _, errors = process.communicate(timeout=LIMIT_SECONDS)

    assert process.returncode == 0
    assert "Traceback" not in errors


LOST = """
import signal, sys
from bookly.__main__ import main

class Finalized:
    def __del__(self):
        signal.raise_signal(signal.SIGTERM)

class Importing:
    def find_spec(self, name, *_):
        if name == "bookly.cli" and sys.argv[-1] == "finalized":
            Finalized()
        elif name == "bookly.cli":
            try:
                signal.raise_signal(signal.SIGTERM)
            except BaseException:
                raise RuntimeError("as pydantic-core does, while it builds a model")

sys.meta_path.insert(0, Importing())
main()
"""


@pytest.mark.parametrize("how", ["finalized", "caught"])
@pytest.mark.parametrize(
    ("command", "status"),
    [("serve", 0), ("db", 128 + signal.SIGTERM)],
    ids=["a_server_may_stop", "a_command_has_not_done_its_work"],
)
def test_a_signal_stops_it_where_an_exception_would_be_lost(
    how: str, command: str, status: int
) -> None:
    """Python ignores each exception of a finalizer, and a library can replace one by another."""
    done = subprocess.run(
        [sys.executable, "-c", LOST, command, how],
        timeout=LIMIT_SECONDS,
        check=False,
        capture_output=True,
        text=True,
    )

    assert (done.returncode, done.stdout, done.stderr) == (status, "", "")


CTRL_C_AT_IMPORT = """
import os, signal, sys, traceback

class CtrlC:
    def find_spec(self, name, *_):
        if name == "uvicorn.config":
            try:
                signal.raise_signal(signal.SIGINT)
            except KeyboardInterrupt:
                traceback.print_exc()  # Now: the supervisor may be faster than the end.
            os.kill(os.getppid(), signal.SIGINT)

if "--multiprocessing-fork" in sys.argv and not os.path.exists("calm"):
    sys.meta_path.insert(0, CtrlC())
"""


@pytest.mark.parametrize("how", [["--workers", "2"], ["--reload"]], ids=" ".join)
def test_ctrl_c_while_its_workers_start_leaves_no_traceback(tmp_path: Path, how: list[str]) -> None:
    """A terminal sends the signal to the workers, too."""
    (tmp_path / "sitecustomize.py").write_text(CTRL_C_AT_IMPORT)
    with subprocess.Popen(
        [*BOOKLY, "serve", "--port", "0", *how, "--data-dir", str(tmp_path / "data")],
        env=environment(PYTHONPATH=str(tmp_path)),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        _, errors = process.communicate(timeout=LIMIT_SECONDS)

    assert process.returncode == 0
    assert "Traceback" not in errors


@pytest.mark.long
@pytest.mark.parametrize("start_another", ["TTIN", "HUP", "KILL"])
def test_ctrl_c_while_a_later_worker_starts_leaves_no_traceback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, start_another: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sitecustomize.py").write_text(CTRL_C_AT_IMPORT)
    calm = tmp_path / "calm"
    calm.touch()
    with serving(tmp_path, ["--workers", "2"], PYTHONPATH=str(tmp_path)) as running:
        wait_until(lambda: sum(map(heeds_ctrl_c, children(running.process.pid))) == 2)
        calm.unlink()
        receiver = running.process.pid
        if start_another == "KILL":
            receiver = next(filter(heeds_ctrl_c, children(receiver)))
        os.kill(receiver, signal.Signals[f"SIG{start_another}"])
        code = running.process.wait(timeout=LIMIT_SECONDS)

    assert code == 0
    assert "Traceback" not in running.log.read_text()


def heeds_ctrl_c(pid: int) -> bool:
    """Return whether a process handles Ctrl-C, and does not hold it back."""
    return has_signal(pid, "SigCgt", signal.SIGINT) and not has_signal(pid, "SigBlk", signal.SIGINT)


def after_a_leak(keyring: Keyring | None) -> Keyring:
    assert keyring
    return compromise(keyring, keyring.signing.kid, utc_now())


@pytest.mark.long
def test_a_running_server_takes_up_new_keys(tmp_path: Path) -> None:
    keys, metrics = tmp_path / "data" / "keys.json", tmp_path / "metrics"
    metrics.mkdir()
    variables = {"PROMETHEUS_MULTIPROC_DIR": str(metrics)}
    with serving(tmp_path, ["--workers", "2"], **variables) as running:
        # Each worker makes such a file at the end of its start, and has read the old keys by then.
        wait_until(lambda: len(list(metrics.glob("gauge_livesum_*.db"))) == 2)
        auth = f"{running.url}/api/v1/auth"
        httpx2.post(f"{auth}/signup", json=ACCOUNT)
        pair = httpx2.post(f"{auth}/login", json=ACCOUNT).json()
        headers = {"Authorization": f"Bearer {pair['access_token']}"}
        change_keyring(keys, after_a_leak)

        def refused() -> list[bool]:
            # Each on a connection of its own, which either worker may accept.
            answers = [httpx2.get(f"{auth}/me", headers=headers) for _ in range(10)]
            return [answer.json().get("code") == "token_invalid" for answer in answers]

        # A worker that has not read the new keys yet signs with the old one.
        read_again = "the key file has been read again"
        wait_until(lambda: running.log.read_text().count(read_again) == 2)
        assert all(refused())
        renewal = {"Authorization": f"Bearer {pair['refresh_token']}"}
        renewed = httpx2.post(f"{auth}/refresh_token", headers=renewal).json()
        headers = {"Authorization": f"Bearer {renewed['access_token']}"}

        assert not any(refused())


def test_a_request_that_never_ends_does_not_keep_it_from_stopping(tmp_path: Path) -> None:
    """And no crash is logged."""
    with serving(tmp_path) as running:
        address = ("127.0.0.1", int(running.url.rpartition(":")[2]))
        with socket.create_connection(address) as idler:
            idler.sendall(
                b"POST /api/v1/auth/login HTTP/1.1\r\nHost: x\r\n"
                b"Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{"
            )
            code = running.stop(signal.SIGTERM)

    assert code == 0
    assert "Traceback" not in running.log.read_text()


@pytest.mark.parametrize(
    "name", ["a %20#@:b \N{SNOWMAN}", pytest.param("x%41", marks=pytest.mark.long)]
)
def test_a_data_folder_of_any_name_holds_the_data(tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    folder.mkdir()
    with serving(folder):
        pass

    assert (folder / "data" / "tokenpair.db").stat().st_size > 0
    assert list(tmp_path.iterdir()) == [folder]


# It does not serve


def test_a_taken_port_is_told_and_nothing_is_made(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = run("serve", "--port", port, "--data-dir", str(tmp_path / "data"))

    assert_told_in_one_line(done, port, "--port")
    assert not (tmp_path / "data").exists()


def test_a_host_that_is_not_ours_is_told(tmp_path: Path) -> None:
    done = run("serve", "--host", "192.0.2.1", "--port", "0", "--data-dir", str(tmp_path / "data"))

    assert_told_in_one_line(done, "192.0.2.1", "--host")


def test_a_data_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    done = run("serve", "--port", "0", "--data-dir", str(tmp_path / "file" / "data"))

    assert_told_in_one_line(done, "TOKENPAIR_DATA_DIR", str(tmp_path / "file" / "data"))


@pytest.mark.parametrize("name", ["BOOKLY_PORT", "TOKENPAIR_ACCESS_SECONDS"])
def test_a_wrong_setting_is_told(tmp_path: Path, name: str) -> None:
    done = run("serve", "--data-dir", str(tmp_path), **{name: "soon"})

    assert_told_in_one_line(done, name, "for example")


def test_a_database_out_of_reach_is_told_without_its_password(tmp_path: Path) -> None:
    url = "postgresql://bookly:secret@127.0.0.1:1/bookly"

    done = run("serve", "--port", "0", "--data-dir", str(tmp_path), "--database-url", url)

    assert_told_in_one_line(done, "127.0.0.1:1/bookly")
    assert "secret" not in done.stderr


def test_a_database_of_another_kind_is_told(tmp_path: Path) -> None:
    done = run("serve", "--port", "0", "--data-dir", str(tmp_path), "--database-url", "mysql://x/y")

    assert_told_in_one_line(done, "sqlite", "postgresql")


@pytest.mark.parametrize(
    "arguments",
    [
        ["--port", "x"],
        ["--port", "70000"],
        ["--workers", "0"],
        ["--reload", "--workers", "2"],
        ["--nothing"],
        ["--data-dir", ""],
    ],
)
def test_a_wrong_option_is_an_error_of_usage(arguments: list[str]) -> None:
    done = CliRunner().invoke(cli.app, ["serve", *arguments])

    assert done.exit_code == 2
    assert arguments[0] in unstyle(done.stderr)


@pytest.mark.parametrize("arguments", [[], ["serve"], ["db"], ["db", "upgrade"]], ids=" ".join)
def test_every_command_has_help(arguments: list[str]) -> None:
    done = CliRunner().invoke(cli.app, [*arguments, "--help"])

    assert done.exit_code == 0
    assert "Usage:" in unstyle(done.stdout)


# In production


@pytest.fixture
def production(tmp_path: Path) -> dict[str, str]:
    keys = tmp_path / "keys.json"
    new_keys = [sys.executable, "-m", "tokenpair", "keys", "new", "--file", str(keys)]
    subprocess.run(new_keys, env=environment(), check=True, capture_output=True)
    return {
        "TOKENPAIR_ENVIRONMENT": "production",
        "TOKENPAIR_KEYS_FILE": str(keys),
        "TOKENPAIR_BASE_URL": "https://books.example.com",
        "TOKENPAIR_TRUSTED_PROXY_HOPS": "0",
        "TOKENPAIR_DATABASE_URL": f"sqlite:///{tmp_path}/books.db",
        "TOKENPAIR_MAIL": "off",
    }


def test_production_wants_the_database_migrated(tmp_path: Path, production: dict[str, str]) -> None:
    told = f"the database sqlite:///{tmp_path}/books.db does not exist; run: bookly db upgrade"

    assert_told_in_one_line(run("serve", "--port", "0", **production), told)

    assert not (tmp_path / "books.db").exists()


def test_production_wants_a_way_to_send_mails(production: dict[str, str]) -> None:
    del production["TOKENPAIR_MAIL"]
    assert run("db", "upgrade", **production).returncode == 0

    told = run("serve", "--port", "0", **production)

    assert_told_in_one_line(told, "TOKENPAIR_SMTP_URL", "TOKENPAIR_MAIL=off")


def test_the_command_names_the_database_that_it_has_migrated(
    tmp_path: Path, production: dict[str, str]
) -> None:
    del production["TOKENPAIR_DATABASE_URL"]
    url = f"sqlite:///{tmp_path}/other.db"

    without = run("db", "upgrade", **production)
    named = run("db", "upgrade", "--database-url", url, **production)
    empty = run("db", "upgrade", "--database-url", "", **production)

    assert_told_in_one_line(without, "TOKENPAIR_DATABASE_URL is not set")
    assert (named.returncode, named.stdout) == (0, f"The tables of {url} are up to date.\n")
    assert empty.returncode == 2


def test_production_serves_once_it_is_and_logs_json(
    tmp_path: Path, production: dict[str, str]
) -> None:
    upgraded = run("db", "upgrade", **production)

    with serving(tmp_path, **production) as running:
        httpx2.post(f"{running.url}/api/v1/auth/login", json={"email": "a\nb", "password": "c"})
        running.stop(signal.SIGTERM)

    assert upgraded.returncode == 0
    events = [json.loads(line) for line in running.log.read_text().splitlines()]
    assert events
    assert all({"event", "level", "logger", "timestamp"} <= event.keys() for event in events)


# What it logs

LOG = """
import logging, sys
from bookly.ops import logs

logs.configure(production=sys.argv[1] == "production")
password = "hunter2-" + "hunter2"
logging.getLogger("shop").warning("a line\\n%s and \\x1b[31mred", "another: forged")
try:
    raise ValueError("wrong")
except ValueError:
    logging.getLogger("shop").exception("a crash")
logging.getLogger("sqlalchemy.engine").info("SELECT")
"""


@pytest.mark.parametrize("mode", ["development", "production"])
def test_no_message_forges_a_line_and_no_crash_shows_variables(mode: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LOG, mode],
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
    )

    lines = done.stderr.splitlines()
    assert "another: forged" in lines[0]
    assert "\x1b" not in done.stderr
    assert "ValueError: wrong" in done.stderr
    assert "hunter2" not in done.stderr
    assert "SELECT" not in done.stderr


def test_a_broken_database_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "bad.db").write_bytes(b"nonsense" * 1000)

    done = run("serve", "--port", "0", "--database-url", f"sqlite:///{tmp_path}/bad.db")

    assert_told_in_one_line(done, "bad.db", "not a database")


def test_an_option_that_cannot_be_followed_is_told(tmp_path: Path) -> None:
    url = "postgresql://127.0.0.1:1/x?channel_binding=require"

    done = run("serve", "--port", "0", "--data-dir", str(tmp_path), "--database-url", url)

    assert_told_in_one_line(done, "channel_binding")


def test_a_database_that_accepts_the_connection_and_does_not_respond_is_reported(
    tmp_path: Path,
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"postgresql://127.0.0.1:{silent.getsockname()[1]}/x"

        done = run("serve", "--port", "0", "--data-dir", str(tmp_path), "--database-url", url)

    assert_told_in_one_line(done, "does not answer: timed out")


def test_the_access_log_keeps_no_query(tmp_path: Path) -> None:
    with serving(tmp_path) as running:
        httpx2.get(f"{running.url}/health/live?access_token=canary")
        running.stop(signal.SIGTERM)

    log = running.log.read_text()
    assert "GET /health/live HTTP" in log
    assert "canary" not in log


@pytest.mark.parametrize(
    "start",
    [
        "uvicorn.Server.run = lambda *_, **__: None; cli.app(['serve'], standalone_mode=False)",
        "app.create_app_from_environment()",
    ],
    ids=["alone", "one of several workers"],
)
def test_the_collector_goes_past_what_was_there_at_the_start(tmp_path: Path, start: str) -> None:
    program = f"import gc, uvicorn; from bookly import app, cli; {start}"

    done = subprocess.run(
        [sys.executable, "-c", f"{program}; print(gc.get_freeze_count())"],
        env=environment(TOKENPAIR_DATA_DIR=str(tmp_path), BOOKLY_PORT="0"),
        capture_output=True,
        text=True,
        timeout=LIMIT_SECONDS,
        check=True,
    )

    assert int(done.stdout.splitlines()[-1]) > 50_000
