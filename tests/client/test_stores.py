"""Pairs in files and keyrings: what is kept, who may read it, and what is damaged."""

import json
import resource
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import keyring.errors
import pytest
from keyring.backend import KeyringBackend

from tests.client.test_renewal import PAIR, get, logged_in, stored
from tests.client.world import EMAIL, World
from tests.waiting import LIMIT_SECONDS
from tokenpair.client import (
    FileStore,
    KeyringStore,
    MemoryStore,
    PairAuth,
    SessionOver,
    StoreError,
)
from tokenpair.testing import PASSWORD

# Logs in, or makes one request, with the session of a file.
REQUEST = """
import sys, httpx2
from tokenpair_client import FileStore, PairAuth
auth = PairAuth(sys.argv[2] + "/auth", store=FileStore(sys.argv[1]))
sys.stdin.readline()
print(httpx2.get(sys.argv[2] + "/hello", auth=auth).status_code)
"""


def test_a_file_is_private_and_replaced_as_a_whole(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "session.json"
    store = FileStore(path)
    assert store.try_lock()
    store.write(PAIR)
    before = path.stat()

    store.write(replace(PAIR, received_at=2))
    store.unlock()

    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert path.stat().st_ino != before.st_ino
    assert FileStore(path).read() == replace(PAIR, received_at=2)
    assert sorted(each.name for each in path.parent.iterdir()) == [
        "session.json",
        "session.json.lock",
    ]
    store.clear()
    store.clear()
    assert store.read() is None


# Takes the lock, forks, and returns the lock while the child still has the file open. Then takes it
# again, and waits to be killed.
LOCKS = """
import os, sys
from tokenpair_client import FileStore
store, other = FileStore(sys.argv[1]), FileStore(sys.argv[1])
store.try_lock()
reading, writing = os.pipe()
if os.fork() == 0:
    os.close(writing)
    os.read(reading, 1)
    os._exit(0)
store.unlock()
print(other.try_lock(), flush=True)
os.close(writing)
os.wait()
sys.stdin.read()
"""


def test_neither_a_forked_nor_a_killed_process_keeps_the_lock(tmp_path: Path) -> None:
    path = tmp_path / "session.json"
    command = [sys.executable, "-c", LOCKS, str(path)]
    pipe = subprocess.PIPE

    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdout
        assert process.stdout.readline() == "True\n"
        assert not FileStore(path).try_lock()
        process.kill()

    assert FileStore(path).try_lock()


def test_a_file_has_one_user_at_a_time(tmp_path: Path) -> None:
    one, other = (FileStore(tmp_path / "session.json") for _ in range(2))

    assert one.try_lock()
    assert not other.try_lock()
    one.unlock()
    assert other.try_lock()
    other.unlock()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "is not a session of tokenpair-client, or is damaged: delete it"),
        ("{", "is not a session"),
        ("[" * 60_000, "is not a session"),
        ('{"name": "my-project", "version": 1}', "is not a session"),
        ("\N{BOM}\ud800", "is not a session"),
        (PAIR.to_record().decode()[:-40], "is not a session"),
        (PAIR.to_record().decode().replace("aaaa", "a\\n", 1), "is not a session"),
        (PAIR.to_record().decode().replace("600", "NaN"), "is not a session"),
        ('{"tokenpair_client": 2}', "was written by another version"),
        ("A" * 100_000, "is not a session"),
    ],
    ids=[
        *("empty", "brace", "deep", "another program's", "bytes", "cut", "header", "NaN"),
        *("version", "huge"),
    ],
)
def test_a_file_that_is_not_a_pairs_is_named_and_left_alone(
    tmp_path: Path, content: str, message: str
) -> None:
    path = tmp_path / "session.json"
    path.write_bytes(content.encode(errors="surrogatepass"))
    path.chmod(0o600)
    before = path.read_bytes()

    for do in (FileStore(path).read, lambda: FileStore(path).write(PAIR)):
        with pytest.raises(StoreError, match=message) as raised:
            do()
        assert str(path) in str(raised.value)
    assert path.read_bytes() == before


def test_a_file_that_others_may_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "session.json"
    FileStore(path).write(PAIR)
    path.chmod(0o640)

    with pytest.raises(StoreError, match="run chmod 600 on it"):
        FileStore(path).read()


def test_a_place_that_cannot_be_written_is_an_error_before_the_log_in(
    world: World, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(StoreError, match="cannot be locked: File exists"):
        logged_in(world, store=FileStore(tmp_path / "file" / "session.json"))
    assert world.asked == []


def test_a_link_to_itself_is_an_error_before_the_log_in(world: World, tmp_path: Path) -> None:
    path = tmp_path / "session.json"
    path.symlink_to(path)

    with pytest.raises(StoreError, match=r"session\.json"):
        logged_in(world, store=FileStore(path))
    assert world.asked == []


def test_a_session_of_another_server_is_not_sent_to_this_one(world: World) -> None:
    auth = PairAuth(world.auth_url, store=MemoryStore(PAIR))

    for do in (lambda: get(world, auth), auth.log_out):
        with pytest.raises(StoreError, match="of another server: choose another store"):
            do()
    assert [path for path, _ in world.asked] == []


def test_on_a_full_disk_the_session_continues(world: World, tmp_path: Path) -> None:
    """The stored token stays valid, as after a lost answer; a log-in leaves no session behind."""
    store = FileStore(tmp_path / "session.json")
    auth = logged_in(world, store=store)
    before = stored(auth)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, hard))
    try:
        for _ in range(3):
            world.clock.advance(minutes=10)
            assert get(world, auth).status_code == 200
        with pytest.raises(StoreError, match="cannot be written: File too large"):
            auth.log_in(EMAIL, PASSWORD)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    assert set(world.renewals) == {before.refresh_token}
    assert store.read() == before
    assert world.asked[-1][0] == "/auth/logout"
    assert get(world, PairAuth(world.auth_url, store=store)).status_code == 200
    assert store.read() != before


@pytest.mark.long
def test_several_processes_renew_once(world: World, tmp_path: Path) -> None:
    store = FileStore(tmp_path / "session.json")
    pair = replace(stored(logged_in(world, store=store)), received_at=1.5)
    store.write(pair)
    command = [sys.executable, "-c", REQUEST, str(tmp_path / "session.json"), world.url]
    pipe = subprocess.PIPE

    processes = [
        subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True) for _ in range(4)
    ]
    for each in processes:
        assert each.stdin
        each.stdin.write("go\n")
        each.stdin.flush()
    said = [each.communicate(timeout=LIMIT_SECONDS) for each in processes]

    assert said == [("200\n", "")] * 4
    assert world.renewals == [pair.refresh_token]


class Keyring(KeyringBackend):
    """A keyring in memory, which can be locked."""

    priority = 1

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # keyring's.
        self.entries: dict[tuple[str, str], str] = {}
        self.is_locked = False

    def get_password(self, service: str, username: str) -> str | None:
        if self.is_locked:
            raise keyring.errors.KeyringLocked("the user said no")
        return self.entries.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        if self.is_locked:
            raise keyring.errors.KeyringLocked("the user said no")
        self.entries[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        if (service, username) not in self.entries:
            raise keyring.errors.PasswordDeleteError
        del self.entries[service, username]


def test_a_keyring_keeps_the_refresh_token(world: World) -> None:
    backend = Keyring()
    logged_in(world, store=KeyringStore(EMAIL, backend=backend))
    (record,) = backend.entries.values()
    other = PairAuth(world.auth_url, store=KeyringStore(EMAIL, backend=backend))

    with ThreadPoolExecutor(5) as pool:
        assert {each.status_code for each in pool.map(lambda _: get(world, other), range(5))} == {
            200
        }
    assert len(world.renewals) == 1
    assert json.loads(record)["access_token"] is None
    assert len(record) < 1280, "Windows stores no more"
    other.log_out()
    assert backend.entries == {}
    with pytest.raises(SessionOver, match="not logged in"):
        get(world, other)


def test_a_keyring_that_stays_locked_is_a_clear_error(world: World) -> None:
    backend = Keyring()
    backend.is_locked = True

    with pytest.raises(StoreError, match=r"^the keyring cannot be read: KeyringLocked$"):
        logged_in(world, store=KeyringStore(EMAIL, backend=backend))
    backend.is_locked = False
    backend.entries["tokenpair", EMAIL] = "{"
    with pytest.raises(StoreError, match="entry is damaged: delete it and log in"):
        logged_in(world, store=KeyringStore(EMAIL, backend=backend))
