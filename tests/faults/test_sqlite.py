"""A file that cannot be written: clear answers, no partial change, and no damage."""

import asyncio
import os
import resource
import sqlite3
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from tests.faults.people import Person, Session, opens, renew
from tests.faults.serving import serving
from tests.faults.talk import AUTH, Answer
from tests.faults.worker import Worker, working
from tests.http.conftest import bearer, told
from tests.servers import NOBODY
from tests.waiting import limit
from tokenpair import Key, Keyring, TokenPair
from tokenpair.errors import TokenPairError
from tokenpair.testing import PASSWORD, a_user, login_as

UNAVAILABLE = (503, "unavailable")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "test.db"


@pytest.fixture
async def worker(path: Path) -> AsyncIterator[Worker]:
    async with working(f"sqlite:///{path}", Keyring([Key.generate()])) as worker:
        yield worker


@pytest.fixture
async def pair(worker: Worker) -> TokenPair:
    return await login_as(worker.auth, await a_user(worker.auth))


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the write lock, as another program with the file open may."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield


def is_sound(path: Path) -> bool:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


async def test_a_file_that_another_process_has_locked_is_waited_for_and_then_told(
    worker: Worker, path: Path, pair: TokenPair
) -> None:
    with locked(path):
        async with limit():
            answers = await asyncio.gather(
                *(worker.renew(pair.refresh_token) for _ in range(20)),
                worker.client.post("/auth/logout", headers=bearer(pair.access_token)),
            )
            # Readers do not wait.
            said = await worker.says(pair.access_token)
            me = await worker.client.get("/auth/me", headers=bearer(pair.access_token))
    afterwards = await worker.renew(pair.refresh_token)

    assert {told(answer) for answer in answers} == {UNAVAILABLE}
    assert {answer.headers["retry-after"] for answer in answers} == {"1"}
    assert said == (200, "")
    assert me.status_code == 200
    assert afterwards.status_code == 200
    assert is_sound(path)


async def test_on_a_full_disk_nothing_is_half_done(tmp_path: Path) -> None:
    """A limit to the size of files stands in for the disk; it holds for root, too."""
    database = tmp_path / "tokenpair.db"
    with serving(tmp_path) as bookly:
        async with bookly.lines() as (line,):
            ada = await Person.signed_up(line)
            renewing, leaving = [await ada.log_in(line) for _ in range(2)]
            with full_disk(bookly.pid, Path(f"{database}-wal").stat().st_size):
                refused = [
                    await renew(line, renewing.refresh),
                    await line.ask("POST", f"{AUTH}/logout", leaving.access),
                    await line.ask("POST", f"{AUTH}/logout/all", leaving.access),
                    await line.ask("POST", f"{AUTH}/logout/others", leaving.access),
                    await line.ask("POST", f"{AUTH}/signup", body=credentials("new@example.com")),
                    await line.ask("POST", f"{AUTH}/login", body=credentials(ada.email)),
                    await line.ask("PATCH", f"{AUTH}/me", leaving.access, body={"username": "ada"}),
                    await renew(line, renewing.refresh),
                ]
                meanwhile = [await opens(line, each.access) for each in (renewing, leaving)]
                listed = await line.ask("GET", f"{AUTH}/sessions", leaving.access)
            renewed = Session.of(await renew(line, renewing.refresh))
            left = await line.ask("POST", f"{AUTH}/logout", leaving.access)
            signed_up = await line.ask(
                "POST", f"{AUTH}/signup", body=credentials("new@example.com")
            )
            afterwards = [await opens(line, each.access) for each in (renewed, leaving)]

    assert [code_of(answer) for answer in refused] == [UNAVAILABLE] * len(refused)
    assert {answer.headers["retry-after"] for answer in refused} == {"1"}
    assert meanwhile == ["", ""]
    assert len(listed.json()) == 2
    assert (left.status, signed_up.status) == (204, 201)
    assert afterwards == ["", "session_ended"]
    assert is_sound(database)
    assert "Traceback" not in bookly.log.read_text()


@contextmanager
def full_disk(pid: int, size: int) -> Iterator[None]:
    """Limit the size of each file of a process, in bytes."""
    soft, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (soft, hard))


def credentials(email: str) -> dict[str, str]:
    return {"email": email, "password": PASSWORD}


def code_of(answer: Answer) -> tuple[int, str]:
    return answer.status, answer.code


async def test_a_read_only_file_is_reported_and_stays_as_it_is() -> None:
    with tempfile.TemporaryDirectory(prefix="tokenpair-", dir="/tmp") as folder:
        path = Path(folder) / "test.db"
        keyring = Keyring([Key.generate()])
        async with working(f"sqlite:///{path}", keyring) as worker:
            pair = await login_as(worker.auth, await a_user(worker.auth))
        before = path.read_bytes()
        with read_only(path):
            async with working(f"sqlite:///{path}", keyring, is_open=False) as worker:
                # As if the file had become read-only after the start.
                worker.auth._lifecycle.open()
                answers = [
                    await worker.renew(pair.refresh_token),
                    await worker.client.post("/auth/logout", headers=bearer(pair.access_token)),
                    await worker.client.get("/open", headers=bearer(pair.access_token)),
                ]
                with pytest.raises(TokenPairError) as start:
                    await worker.auth.open()
        after = path.read_bytes()
        async with working(f"sqlite:///{path}", keyring) as worker:
            renewed = await worker.renew(pair.refresh_token)

    assert [told(answer) for answer in answers] == [UNAVAILABLE] * 3
    assert "readonly" in str(start.value)
    assert after == before
    assert renewed.status_code == 200


@contextmanager
def read_only(path: Path) -> Iterator[None]:
    """Make the file read-only, and run as a user who is not root."""
    path.parent.chmod(0o555)
    path.chmod(0o444)
    user = os.geteuid()
    os.seteuid(NOBODY if user == 0 else user)
    try:
        yield
    finally:
        os.seteuid(user)
        path.parent.chmod(0o755)
        path.chmod(0o644)
