"""A key file is made once, changed by one process at a time, and never left half-written."""

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.keys.files import adding, handing_over, mode_of, read_or_create_keyring
from tests.waiting import LIMIT_SECONDS
from tokenpair import Key, Keyring
from tokenpair.errors import ConfigurationError
from tokenpair.key_file import (
    change_keyring,
    read_keyring,
)
from tokenpair.stores.memory import MemoryStorage
from tokenpair.testing import FakeClock, a_user, login_as, make_auth


def test_the_first_start_makes_a_file_for_its_owner_alone(path: Path) -> None:
    keyring = read_or_create_keyring(path)

    assert mode_of(path) == 0o600
    assert mode_of(path.parent) == 0o700
    assert [key.algorithm for key in keyring.keys] == ["ES256"]
    assert list(path.parent.iterdir()) == [path]


def test_the_second_start_reads_what_the_first_has_made(path: Path) -> None:
    first = read_or_create_keyring(path)

    second = read_or_create_keyring(path)

    assert second.signing.kid == first.signing.kid


def test_workers_that_start_together_agree_on_one_keyring(path: Path) -> None:
    workers = 8
    barrier = threading.Barrier(workers)

    def start() -> str:
        barrier.wait(LIMIT_SECONDS)
        return read_or_create_keyring(path).signing.kid

    with ThreadPoolExecutor(workers) as pool:
        kids = {future.result() for future in [pool.submit(start) for _ in range(workers)]}

    assert kids == {read_keyring(path).signing.kid}
    assert list(path.parent.iterdir()) == [path]
    assert mode_of(path) == 0o600


def test_to_read_makes_nothing(path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"keys\.json cannot be read"):
        read_keyring(path)

    assert not path.parent.exists()


def test_a_change_is_kept_for_its_owner_alone(path: Path) -> None:
    old = read_or_create_keyring(path)
    key = Key.generate("Ed25519")

    changed = change_keyring(path, adding(key))

    read = read_keyring(path)
    assert [each.kid for each in read.keys] == [key.kid, old.signing.kid]
    assert [each.kid for each in changed.keys] == [each.kid for each in read.keys]
    assert mode_of(path) == 0o600
    assert list(path.parent.iterdir()) == [path]


def test_a_change_makes_a_missing_file(path: Path) -> None:
    key = Key.generate()

    change_keyring(path, adding(key))

    assert [each.kid for each in read_keyring(path).keys] == [key.kid]
    assert mode_of(path) == 0o600


def test_of_changes_at_once_none_is_lost(path: Path) -> None:
    read_or_create_keyring(path)
    keys = [Key.generate() for _ in range(8)]
    barrier = threading.Barrier(len(keys))

    def add(key: Key) -> None:
        barrier.wait(LIMIT_SECONDS)
        change_keyring(path, adding(key))

    with ThreadPoolExecutor(len(keys)) as pool:
        list(pool.map(add, keys))

    assert {key.kid for key in keys} < {key.kid for key in read_keyring(path).keys}


def test_a_change_that_fails_leaves_the_file_as_it_was(path: Path) -> None:
    read_or_create_keyring(path)
    before = path.read_bytes()

    def fail(_: Keyring | None) -> Keyring:
        raise ConfigurationError("no")

    with pytest.raises(ConfigurationError, match=r"^no$"):
        change_keyring(path, fail)

    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def test_a_key_file_of_another_platform_may_begin_with_a_byte_order_mark(path: Path) -> None:
    made = read_or_create_keyring(path)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))

    assert read_keyring(path).signing.kid == made.signing.kid


def test_a_change_keeps_a_link_a_link(path: Path, tmp_path: Path) -> None:
    read_or_create_keyring(path)
    link = tmp_path / "keys.json"
    link.symlink_to(path)
    key = Key.generate()

    change_keyring(link, adding(key))

    assert link.is_symlink()
    assert read_keyring(path).find(key.kid)


def test_the_key_of_a_first_start_is_marked_and_others_are_not(path: Path) -> None:
    read_or_create_keyring(path)
    change_keyring(path, adding(Key.generate()))

    assert [key.is_generated for key in read_keyring(path).keys] == [False, True]


async def test_tokens_of_the_old_key_still_serve_after_a_new_one(path: Path) -> None:
    storage, clock = MemoryStorage(), FakeClock()
    before = make_auth(storage=storage, clock=clock, keyring=read_or_create_keyring(path))
    pair = await login_as(before, await a_user(before))
    after = make_auth(storage=storage, clock=clock, keyring=change_keyring(path, handing_over))

    claims = await after.verify_access(pair.access_token)
    renewed = await after.renew(pair.refresh_token)

    assert (await after.verify_access(renewed.access_token)).session_id == claims.session_id
