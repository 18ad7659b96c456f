import json
import stat
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest

from tokenpair import Key, Keyring
from tokenpair.errors import ConfigurationError
from tokenpair.key_file import add_key, parse_keyring, read_keyring, read_or_create_keyring
from tokenpair.stores.memory import MemoryStorage
from tokenpair.testing import FakeClock, a_user, login_as, make_auth


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "keys.json"


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


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
        barrier.wait(10)
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


def test_a_new_key_goes_in_front_and_the_old_ones_stay(path: Path) -> None:
    old = read_or_create_keyring(path)
    key = Key.generate("Ed25519")

    added = add_key(path, key)

    read = read_keyring(path)
    assert [each.kid for each in read.keys] == [key.kid, old.signing.kid]
    assert [each.kid for each in added.keys] == [each.kid for each in read.keys]
    assert mode_of(path) == 0o600
    assert list(path.parent.iterdir()) == [path]


def test_a_new_key_makes_the_file_where_there_is_none(path: Path) -> None:
    key = Key.generate()

    add_key(path, key)

    assert [each.kid for each in read_keyring(path).keys] == [key.kid]
    assert mode_of(path) == 0o600


async def test_tokens_of_the_old_key_still_serve_after_a_new_one(path: Path) -> None:
    storage, clock = MemoryStorage(), FakeClock()
    before = make_auth(storage=storage, clock=clock, keyring=read_or_create_keyring(path))
    pair = await login_as(before, await a_user(before))
    after = make_auth(storage=storage, clock=clock, keyring=add_key(path, Key.generate()))

    claims = await after.verify_access(pair.access_token)
    renewed = await after.renew(pair.refresh_token)

    assert (await after.verify_access(renewed.access_token)).session_id == claims.session_id


SECRET = "canary7f3a"
GENUINE = json.dumps(Keyring([Key.generate()]).to_jwks(private=True))
BROKEN: dict[str, bytes] = {
    "empty": b"",
    "garbage": SECRET.encode(),
    "partial": GENUINE[: len(GENUINE) // 2].encode(),
    "not_utf_8": b"\xff\xfe" + SECRET.encode(),
    "a_list": json.dumps([SECRET]).encode(),
    "no_keys": b'{"keys": []}',
    "keys_of_text": json.dumps({"keys": [SECRET]}).encode(),
    "one_key_alone": json.dumps({"kty": "oct", "k": SECRET}).encode(),
    "symmetric": json.dumps({"keys": [{"kty": "oct", "k": SECRET, "alg": "HS256"}]}).encode(),
    "private_part_of_garbage": GENUINE.replace('"d": "', f'"d": "{SECRET}').encode(),
    "duplicate_member": GENUINE.replace('"kty"', f'"kty": "{SECRET}", "kty"').encode(),
    "nested": b"[" * 100_000,
}


@pytest.mark.parametrize("content", BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_file_stops_the_start_and_quotes_nothing(path: Path, content: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(content)

    with pytest.raises(ConfigurationError) as caught:
        read_or_create_keyring(path)

    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
    error: BaseException | None = caught.value
    while error:
        assert SECRET not in str(error)
        error = error.__cause__
    assert path.read_bytes() == content


@pytest.mark.parametrize("content", BROKEN.values(), ids=BROKEN.keys())
def test_a_new_key_does_not_replace_a_broken_file(path: Path, content: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(content)

    with pytest.raises(ConfigurationError):
        add_key(path, Key.generate())

    assert path.read_bytes() == content
    assert list(path.parent.iterdir()) == [path]


def test_a_folder_in_the_files_place_stops_the_start(path: Path) -> None:
    path.mkdir(parents=True)

    with pytest.raises(ConfigurationError, match="cannot be read"):
        read_or_create_keyring(path)


@pytest.mark.parametrize("act", [read_or_create_keyring, partial(add_key, key=Key.generate())])
def test_a_file_in_the_folders_place_stops_the_start(tmp_path: Path, act: object) -> None:
    (tmp_path / "data").write_text("not a folder")

    assert callable(act)
    with pytest.raises(ConfigurationError, match="cannot be"):
        act(tmp_path / "data" / "keys.json")


def test_an_error_names_where_the_keys_came_from() -> None:
    with pytest.raises(ConfigurationError, match=r"^TOKENPAIR_KEYS is not JSON$"):
        parse_keyring(SECRET, source="TOKENPAIR_KEYS")
