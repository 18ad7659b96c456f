"""What Prometheus reads: each number is right, covers all workers, and reveals no secret."""

import asyncio
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import httpx2
import pytest
from fastapi import FastAPI
from prometheus_client.mmap_dict import MmapedDict, mmap_key
from prometheus_client.openmetrics import parser as openmetrics
from prometheus_client.parser import text_string_to_metric_families
from uvicorn.config import STARTUP_FAILURE

from bookly.ops.workers import AllWorkers, forget_the_dead
from tests.bookly.conftest import API, Person, make_settings
from tests.bookly.ops import reserving
from tests.bookly.running import BOOKLY, running_bookly
from tests.waiting import LIMIT_SECONDS, limit
from tokenpair import database_url
from tokenpair.fastapi.registry import installed
from tokenpair.stores.sql import SqlStorage
from tokenpair.testing import PASSWORD, FakeClock, a_user, login_as, make_auth

Labels = dict[str, str]


class Exposition:
    """One answer of `/metrics`."""

    def __init__(self, text: str) -> None:
        self.families = {each.name: each for each in text_string_to_metric_families(text)}
        self._samples = {
            (sample.name, frozenset(sample.labels.items())): sample.value
            for family in self.families.values()
            for sample in family.samples
        }

    def value(self, name: str, **labels: str) -> float:
        """Return a series' value; 0 if it does not exist."""
        return self._samples.get((name, frozenset(labels.items())), 0)

    def labels(self, name: str) -> list[Labels]:
        return [dict(labels) for each, labels in self._samples if each == name]


async def read(client: httpx2.AsyncClient) -> Exposition:
    answer = await client.get("/metrics")
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"].startswith("text/plain; version=")
    return Exposition(answer.text)


async def test_log_ins_renewals_and_ended_sessions_are_told(client: httpx2.AsyncClient) -> None:
    account = {"email": "ada@example.com", "password": PASSWORD}
    await client.post(f"{API}/auth/signup", json=account)
    pair = (await client.post(f"{API}/auth/login", json=account)).json()
    await client.post(f"{API}/auth/login", json=account | {"password": "wrong"})
    renewing = {"Authorization": f"Bearer {pair['refresh_token']}"}
    await client.post(f"{API}/auth/refresh_token", headers=renewing)
    await client.post(f"{API}/auth/logout", headers=renewing)
    await client.post(f"{API}/auth/refresh_token", headers=renewing)

    told = await read(client)

    assert told.value("tokenpair_log_ins_total", outcome="succeeded") == 1
    assert told.value("tokenpair_log_ins_total", outcome="refused") == 1
    assert told.value("tokenpair_renewals_total", verdict="advance") == 1
    assert told.value("tokenpair_renewals_total", verdict="ended") == 1
    assert told.value("tokenpair_sessions_ended_total", reason="logout") == 1
    assert told.value("tokenpair_revocations") == 1


@pytest.mark.usefixtures("ada")
async def test_what_is_read_twice_is_counted_once(client: httpx2.AsyncClient) -> None:
    for _ in range(3):
        told = await read(client)

    assert told.value("tokenpair_log_ins_total", outcome="succeeded") == 1


async def test_what_has_not_happened_is_there_and_zero(client: httpx2.AsyncClient) -> None:
    """Without a 0 before it, an alert on a rise would miss the first replay."""
    told = await read(client)

    assert {"verdict": "replay"} in told.labels("tokenpair_renewals_total")
    assert {"reason": "replay"} in told.labels("tokenpair_sessions_ended_total")
    assert told.value("tokenpair_renewals_total", verdict="replay") == 0


async def test_the_cache_of_verified_tokens_is_told(
    client: httpx2.AsyncClient, ada: Person
) -> None:
    for _ in range(3):
        await client.get(f"{API}/auth/me", headers=ada.headers)

    told = await read(client)

    assert told.value("tokenpair_token_cache_lookups_total", result="hit") == 2


async def test_how_it_stands_is_told(client: httpx2.AsyncClient) -> None:
    told = await read(client)

    assert 0 <= told.value("tokenpair_feed_staleness_seconds") < 60
    assert told.labels("tokenpair_password_hashes") == [{"state": "running"}, {"state": "waiting"}]
    assert told.value("tokenpair_revocation_lag_seconds_count") == 0


async def test_how_long_a_revocation_was_on_its_way_is_told(
    app: FastAPI, client: httpx2.AsyncClient, clock: FakeClock, tmp_path: Path
) -> None:
    """A revocation by another worker; here, another `Auth` on the same database."""
    name = "tokenpair_revocation_lag_seconds"
    url = database_url(make_settings(tmp_path / "data").auth)
    keyring = installed(app)[f"{API}/auth"].keyring
    async with make_auth(
        storage=SqlStorage.from_url(url), clock=clock, keyring=keyring
    ) as elsewhere:
        user = await a_user(elsewhere)
        for number in (1, 2):
            pair = await login_as(elsewhere, user)
            await elsewhere.log_out(pair.access_token)
            async with limit():
                while (told := await read(client)).value(f"{name}_count") < number:
                    await asyncio.sleep(0.01)

            assert told.value(f"{name}_count") == number

    assert 0 <= told.value(f"{name}_sum") < 60


# Requests


@pytest.mark.parametrize(
    ("method", "path", "route", "status"),
    [
        ("GET", "/health/live", "/health/live", 200),
        ("GET", f"{API}/books", f"{API}/books", 401),
        ("GET", f"{API}/books/", f"{API}/books", 401),
        ("GET", f"{API}/books/1", f"{API}/books/{{book_id}}", 401),
        ("DELETE", f"{API}/auth/sessions/1", f"{API}/auth/sessions/{{session_id}}", 401),
        ("GET", "/", "/", 200),
        ("GET", "/docs", "/docs", 303),
        ("GET", f"{API}/docs", f"{API}/docs", 200),
        ("GET", f"{API}/docs/assets/1/x.js", f"{API}/docs/assets/{{version}}/{{name:path}}", 404),
        ("GET", "/nobody@example.com", "other", 404),
        ("GET", "/health/live%0a", "/health/live", 200),
        ("GET", f"{API}/books/1/2/3", "other", 404),
        ("BREW", "/health/live", "/health/live", 405),
    ],
)
async def test_each_request_is_told_by_its_route_and_not_by_its_path(
    client: httpx2.AsyncClient, method: str, path: str, route: str, status: int
) -> None:
    await client.request(method, path)

    told = await read(client)

    method = "other" if method == "BREW" else method
    name = "bookly_http_request_duration_seconds_count"
    assert told.labels(name) == [{"method": method, "route": route, "status": str(status)}]
    assert told.value(name, method=method, route=route, status=str(status)) == 1


async def test_a_crash_is_told_as_a_500(app: FastAPI, client: httpx2.AsyncClient) -> None:
    @app.get("/crash")
    async def crash() -> None:
        raise ZeroDivisionError

    await client.get("/crash")

    name = "bookly_http_request_duration_seconds_count"
    assert (await read(client)).labels(name) == [
        {"method": "GET", "route": "/crash", "status": "500"}
    ]


async def test_a_request_is_in_the_bucket_of_its_time(client: httpx2.AsyncClient) -> None:
    await client.get("/health/live")

    told = await read(client)

    series = {"method": "GET", "route": "/health/live", "status": "200"}
    assert told.value("bookly_http_request_duration_seconds_bucket", le="10.0", **series) == 1
    assert 0 < told.value("bookly_http_request_duration_seconds_sum", **series) < 10


async def test_nothing_that_was_sent_is_told(client: httpx2.AsyncClient, ada: Person) -> None:
    secret = "s3cret-in-a-path"
    for method in ("GET", "PATCH", "DELETE"):
        await client.request(method, f"{API}/books/{secret}?q={secret}", headers=ada.headers)
        await client.request(method, f"/{secret}", headers={"X-Secret": secret})
    await client.post(f"{API}/auth/login", json={"email": f"{secret}@example.com", "password": "x"})

    answer = await client.get("/metrics")

    assert "/api/v1/books/{book_id}" in answer.text
    for each in (secret, ada.id, "example.com"):
        assert each not in answer.text


async def test_ever_new_paths_and_methods_make_no_new_series(client: httpx2.AsyncClient) -> None:
    """Otherwise an attacker could fill the memory."""
    for number in range(50):
        await client.request(f"M{number}", f"/{number}")

    told = await read(client)

    assert len(told.labels("bookly_http_request_duration_seconds_count")) == 1


# Formats


async def test_open_metrics_are_returned_on_request(client: httpx2.AsyncClient) -> None:
    accept = "application/openmetrics-text;version=1.0.0;q=0.6,text/plain;version=0.0.4;q=0.4"
    answer = await client.get("/metrics", headers={"Accept": accept})

    assert answer.headers["Content-Type"].startswith("application/openmetrics-text")
    families = {each.name for each in openmetrics.text_string_to_metric_families(answer.text)}
    assert "tokenpair_renewals" in families


@pytest.mark.parametrize(
    "accept",
    [
        b"",
        b"*/*",
        b"text/html",
        b"application/openmetrics-text;version=x\ty",
        b";;,,;q=",
        b"\xff",
        b"," * 10_000,
    ],
)
async def test_any_accept_header_gets_an_answer(client: httpx2.AsyncClient, accept: bytes) -> None:
    answer = await client.get("/metrics", headers={b"Accept": accept})

    assert answer.status_code == 200
    assert re.fullmatch(r"[a-z/-]+; version=[0-9.]+; charset=utf-8", answer.headers["Content-Type"])


async def test_it_is_read_only(client: httpx2.AsyncClient) -> None:
    assert (await client.post("/metrics")).status_code == 405


# Several workers


def read_all(url: str) -> Exposition:
    answer = httpx2.get(f"{url}/metrics")
    assert answer.status_code == 200, answer.text
    return Exposition(answer.text)


def test_each_worker_reports_the_numbers_of_all_workers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = {"email": "ada@example.com", "password": PASSWORD}
    folder = tmp_path / "numbers"
    folder.mkdir()
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(folder))
    # As on macOS.
    (tmp_path / "sitecustomize.py").write_text("import os; del os.posix_fallocate")
    with running_bookly(tmp_path, "--workers", "2", PYTHONPATH=str(tmp_path)) as bookly:
        httpx2.post(f"{bookly.url}{API}/auth/signup", json=account)
        for _ in range(6):  # Each on a connection of its own, which either worker may accept.
            pair = httpx2.post(f"{bookly.url}{API}/auth/login", json=account).json()
        headers = {"Authorization": f"Bearer {pair['access_token']}"}
        httpx2.post(f"{bookly.url}{API}/auth/logout", headers=headers)

        until(lambda: log_ins(bookly.url) == 6)
        until(lambda: copies_in(folder).count(1) == 2)
        told = read_all(bookly.url)
        sizes = [
            path.stat() for worker in workers_in(folder) for path in folder.glob(f"*_{worker}.db")
        ]

    series = {"method": "POST", "route": f"{API}/auth/login", "status": "200"}
    assert told.value("bookly_http_request_duration_seconds_count", **series) == 6
    # Each worker has it in its copy: the numbers are not added.
    assert told.value("tokenpair_revocations") == 1
    assert not any("pid" in labels for labels in told.labels("tokenpair_feed_staleness_seconds"))
    # On a full disk, the kernel would kill a worker that writes where no space is reserved.
    assert all(size.st_blocks * 512 >= size.st_size for size in sizes)


@pytest.mark.long
def test_a_dead_workers_gauges_are_dropped_and_its_counters_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = {"email": "ada@example.com", "password": PASSWORD}
    folder = tmp_path / "numbers"
    folder.mkdir()
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(folder))
    with running_bookly(tmp_path, "--workers", "2") as bookly:
        httpx2.post(f"{bookly.url}{API}/auth/signup", json=account)
        httpx2.post(f"{bookly.url}{API}/auth/login", json=account)
        until(lambda: len(workers_in(folder)) == 2)
        until(lambda: log_ins(bookly.url) == 1)
        killed = workers_in(folder)

        for process in killed:
            os.kill(process, signal.SIGKILL)

        until(lambda: log_ins(bookly.url) == 1 and not killed & workers_in(folder))


def test_a_dead_workers_files_keep_their_counts_and_free_their_space(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
    ended = subprocess.Popen(["true"])
    ended.wait()
    for kind in ("counter", "gauge_livesum", "histogram"):
        for process in (ended.pid, os.getpid()):
            file = tmp_path / f"{kind}_{process}.db"
            file.write_bytes(bytes(2**16))  # What a worker reserves.
            numbers = MmapedDict(str(file))
            numbers.write_value(mmap_key(f"a_{kind}", f"a_{kind}", [], [], ""), 3, 0)
            numbers.close()

    told = {each.name: each.samples[0].value for each in AllWorkers().collect()}

    assert told == {"a_counter": 6, "a_gauge_livesum": 3, "a_histogram": 6}
    sizes = {file.name: file.stat().st_size for file in tmp_path.glob(f"*_{ended.pid}.db")}
    assert sizes.keys() == {f"counter_{ended.pid}.db", f"histogram_{ended.pid}.db"}
    assert max(sizes.values()) < 200
    assert {each.stat().st_size for each in tmp_path.glob(f"*_{os.getpid()}.db")} == {2**16}


def test_files_of_a_dead_worker_that_cannot_be_changed_are_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An error would end the supervisor, and with it all workers."""
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
    worker = 2**64  # No process has this number.
    left = [tmp_path / f"counter_{worker}.db", tmp_path / f"gauge_livesum_{worker}.db"]
    for each in left:
        each.mkdir()

    forget_the_dead()

    assert all(each.exists() for each in left)


def test_a_process_reserves_all_its_space_or_none_and_counts_on_when_it_starts_again(
    tmp_path: Path,
) -> None:
    ended = subprocess.run(
        [sys.executable, reserving.__file__],
        env=os.environ | {"PROMETHEUS_MULTIPROC_DIR": str(tmp_path)},
        stdout=subprocess.PIPE,
        text=True,
        timeout=LIMIT_SECONDS,
        check=True,
    )

    sizes = [each.stat().st_size for each in tmp_path.iterdir()]
    assert sorted(sizes) == [2**16] * 3 + [2**19]
    told = Exposition(ended.stdout)
    series = {"method": "GET", "route": "/", "status": "200"}
    assert told.value("bookly_http_request_duration_seconds_count", **series) == 3
    assert told.value("earlier_total") == 7


def test_a_file_that_is_just_being_made_is_left_for_the_next_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
    (tmp_path / "counter_1.db").touch()

    assert list(AllWorkers().collect()) == []


def workers_in(folder: Path) -> set[int]:
    """Return the workers with a file about password hashing in the folder."""
    return {int(path.stem.rpartition("_")[2]) for path in folder.glob("gauge_livesum_*.db")}


def copies_in(folder: Path) -> list[float]:
    """Return the number of revocations in each worker's copy."""
    return [
        value
        for path in folder.glob("gauge_live*_*.db")
        for key, value, *_ in MmapedDict.read_all_values_from_file(str(path))
        if '"tokenpair_revocations"' in key
    ]


def log_ins(url: str) -> float | None:
    """Return the successful log-ins of all workers; None while the server is unreachable."""
    try:
        return read_all(url).value("tokenpair_log_ins_total", outcome="succeeded")
    except httpx2.TransportError:
        return None


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + LIMIT_SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_folder_that_is_not_there_is_told_in_one_line(tmp_path: Path) -> None:
    environment = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(tmp_path / "nowhere")}

    done = subprocess.run(
        [*BOOKLY, "--port", "0", "--data-dir", tmp_path],
        env=environment,
        capture_output=True,
        text=True,
        timeout=LIMIT_SECONDS,
        check=False,
    )

    assert done.returncode == 1
    assert done.stderr.count("\n") == 1, done.stderr
    assert "PROMETHEUS_MULTIPROC_DIR" in done.stderr


@pytest.mark.long
def test_a_full_disk_is_told_in_one_line(tmp_path: Path) -> None:
    """A limit to the size of files, 400 KiB, stands in for the disk."""
    folder = tmp_path / "numbers"
    folder.mkdir()

    done = subprocess.run(
        ["sh", "-c", 'ulimit -f 800; exec "$@"', "sh", *BOOKLY, "--port", "0"],
        env=os.environ
        | {"PROMETHEUS_MULTIPROC_DIR": str(folder), "TOKENPAIR_DATA_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=LIMIT_SECONDS,
        check=False,
    )

    assert done.returncode == STARTUP_FAILURE
    assert "free some space" in done.stderr
    assert "Traceback" not in done.stderr
