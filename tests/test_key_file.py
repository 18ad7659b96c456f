import asyncio
import json
import os
import stat
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest

from tests.tools import program
from tokenpair import Auth, Key, Keyring, Settings
from tokenpair.core.tokens.key_rotation import compromise, publish, rotate
from tokenpair.errors import ConfigurationError, InvalidToken, Unavailable
from tokenpair.key_file import (
    KeyFileWatch,
    change_keyring,
    parse_keyring,
    read_keyring,
    read_or_create_keyring,
)
from tokenpair.passwords import Argon2Passwords
from tokenpair.private_file import complaint
from tokenpair.stores.memory import MemoryStorage
from tokenpair.testing import CHEAP, FakeClock, a_user, login_as, make_auth

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "keys.json"


def adding(key: Key) -> Callable[[Keyring | None], Keyring]:
    return lambda keyring: publish(keyring, key, NOW) if keyring else Keyring([key])


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


def test_a_change_is_kept_for_its_owner_alone(path: Path) -> None:
    old = read_or_create_keyring(path)
    key = Key.generate("Ed25519")

    changed = change_keyring(path, adding(key))

    read = read_keyring(path)
    assert [each.kid for each in read.keys] == [key.kid, old.signing.kid]
    assert [each.kid for each in changed.keys] == [each.kid for each in read.keys]
    assert mode_of(path) == 0o600
    assert list(path.parent.iterdir()) == [path]


def test_a_change_makes_the_file_where_there_is_none(path: Path) -> None:
    key = Key.generate()

    change_keyring(path, adding(key))

    assert [each.kid for each in read_keyring(path).keys] == [key.kid]
    assert mode_of(path) == 0o600


def test_of_changes_at_once_none_is_lost(path: Path) -> None:
    read_or_create_keyring(path)
    keys = [Key.generate() for _ in range(8)]
    barrier = threading.Barrier(len(keys))

    def add(key: Key) -> None:
        barrier.wait(10)
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


@pytest.mark.parametrize("mode", [0o644, 0o604, 0o620, 0o602, 0o660, 0o777])
def test_a_file_that_others_can_read_or_change_is_refused(path: Path, mode: int) -> None:
    read_or_create_keyring(path)
    path.chmod(mode)

    with pytest.raises(ConfigurationError, match="by others: run chmod 600 on it"):
        read_keyring(path)


@pytest.mark.parametrize("mode", [0o600, 0o400, 0o700])
def test_a_file_that_only_its_owner_can_read_will_do(path: Path, mode: int) -> None:
    made = read_or_create_keyring(path)
    path.chmod(mode)

    assert read_keyring(path).signing.kid == made.signing.kid


ME, ROOT, SOMEBODY, NOBODY = 1000, 0, 1001, 65534


@pytest.mark.parametrize(
    ("owner", "mode", "user", "refusal"),
    [
        pytest.param(ME, 0o600, ME, None, id="mine"),
        pytest.param(ME, 0o640, ME, "by others", id="mine-for-a-group"),
        pytest.param(ROOT, 0o640, ME, None, id="roots-for-my-group"),
        pytest.param(ROOT, 0o640, ROOT, None, id="roots-own-for-a-group"),
        pytest.param(ROOT, 0o644, ME, "by others", id="roots-for-everybody"),
        pytest.param(ROOT, 0o660, ME, "by others", id="roots-that-a-group-can-change"),
        pytest.param(SOMEBODY, 0o600, ME, "another user", id="somebodys"),
        pytest.param(SOMEBODY, 0o600, ROOT, "another user", id="somebodys-before-root"),
    ],
)
def test_whose_file_may_be_trusted(owner: int, mode: int, user: int, refusal: str | None) -> None:
    said = complaint(a_file(owner, mode), user)

    assert (refusal in said) if refusal and said else (said is None and refusal is None)


def a_file(owner: int, mode: int) -> os.stat_result:
    return os.stat_result((stat.S_IFREG | mode, 0, 0, 1, owner, 0, 0, 0, 0, 0))


@pytest.mark.parametrize(
    ("owner", "mode", "user"),
    [
        pytest.param(ROOT, 0o644, ME, id="kubernetes"),
        pytest.param(ROOT, 0o440, ME, id="kubernetes-with-fsgroup-and-mode"),
        pytest.param(ROOT, 0o444, ME, id="docker"),
        pytest.param(ROOT, 0o444, ROOT, id="docker-as-root"),
        pytest.param(SOMEBODY, 0o644, ME, id="compose-with-the-hosts-user"),
        pytest.param(SOMEBODY, 0o600, ROOT, id="compose-with-the-hosts-user-as-root"),
    ],
)
def test_a_mounted_secret_is_trusted_in_the_platforms_own_mode(
    owner: int, mode: int, user: int
) -> None:
    assert complaint(a_file(owner, mode), user, is_mounted=True) is None


@pytest.mark.parametrize("mode", [0o664, 0o666, 0o646, 0o620])
def test_a_mounted_secret_that_others_may_write_is_refused(mode: int) -> None:
    said = complaint(a_file(ROOT, mode), ME, is_mounted=True)

    assert said is not None
    assert "can be changed by others" in said
    assert "defaultMode" in said


def test_the_advice_about_roots_file_does_not_ask_its_reader_to_chmod_it() -> None:
    said = complaint(a_file(ROOT, 0o644), ME)

    assert said is not None
    assert "as root, run chmod 640 on it and chgrp" in said
    assert "mount it read-only" in said


def test_a_key_file_of_another_platform_may_begin_with_a_byte_order_mark(path: Path) -> None:
    made = read_or_create_keyring(path)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))

    assert read_keyring(path).signing.kid == made.signing.kid


def test_a_file_that_may_not_be_read_is_told_with_its_owner(path: Path) -> None:
    read_or_create_keyring(path)
    path.parent.chmod(0o755)

    with as_another_user(path), pytest.raises(ConfigurationError) as caught:
        read_keyring(path)

    said = str(caught.value)
    assert "cannot be read: Permission denied; its mode is " in said
    assert "fsGroup" in said


@contextmanager
def as_another_user(path: Path) -> Iterator[None]:
    """Be a user who may not read the file; root becomes one, others take their own rights away."""
    user = os.geteuid()
    if user == 0:
        for folder in path.parents:
            if folder.is_relative_to(Path(tempfile.gettempdir())):
                folder.chmod(0o755)
        os.seteuid(NOBODY)
    else:
        path.chmod(0o000)
    try:
        yield
    finally:
        os.seteuid(user)


# Mounts a folder of its own read-only, and reads the key file in it as Kubernetes lays it out.
MOUNTED = """
import os, sys
from pathlib import Path
from tokenpair.key_file import read_keyring
print(read_keyring(Path(sys.argv[1])).signing.kid)
"""


@pytest.mark.long
@pytest.mark.parametrize("mode", [0o644, 0o444, 0o440])
def test_a_secret_on_a_read_only_mount_is_read(tmp_path: Path, mode: int) -> None:
    folder = tmp_path / "secret"
    version = folder / "..2026_01_01"
    made = read_or_create_keyring(version / "keys.json")
    (version / "keys.json").chmod(mode)
    (folder / "..data").symlink_to(version.name)
    (folder / "keys.json").symlink_to("..data/keys.json")
    mount = tmp_path / "mount"
    mount.mkdir()
    script = f"""
mount -t tmpfs tmpfs {mount} && cp -a {folder}/. {mount}/ && mount -o remount,ro {mount} &&
exec {sys.executable} -c "$0" {mount}/keys.json
"""

    run = subprocess.run(
        [program("unshare"), "-rm", "sh", "-c", script, MOUNTED],
        capture_output=True,
        text=True,
        check=False,
    )

    assert run.stdout.strip() == made.signing.kid, run.stderr


def test_a_change_keeps_who_may_read_the_file(path: Path) -> None:
    read_or_create_keyring(path)
    path.chmod(0o400)

    change_keyring(path, adding(Key.generate()))

    assert mode_of(path) == 0o400


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


def handing_over(keyring: Keyring | None) -> Keyring:
    assert keyring
    return rotate(publish(keyring, Key.generate(), NOW), NOW, early=True)


async def test_tokens_of_the_old_key_still_serve_after_a_new_one(path: Path) -> None:
    storage, clock = MemoryStorage(), FakeClock()
    before = make_auth(storage=storage, clock=clock, keyring=read_or_create_keyring(path))
    pair = await login_as(before, await a_user(before))
    after = make_auth(storage=storage, clock=clock, keyring=change_keyring(path, handing_over))

    claims = await after.verify_access(pair.access_token)
    renewed = await after.renew(pair.refresh_token)

    assert (await after.verify_access(renewed.access_token)).session_id == claims.session_id


SECRET = "canary7f3a"
GENUINE = json.dumps(Keyring([Key.generate()]).to_private_jwks())
BROKEN: dict[str, bytes] = {
    "empty": b"",
    "garbage": SECRET.encode(),
    "partial": GENUINE[: len(GENUINE) // 2].encode(),
    "not_utf_8": b"\xff\xfe" + SECRET.encode(),
    "a_list": json.dumps([SECRET]).encode(),
    "no_keys": b'{"keys": []}',
    "keys_of_text": json.dumps({"keys": [SECRET]}).encode(),
    "one_key_alone": json.dumps({"kty": "oct", "k": SECRET}).encode(),
    "two_that_sign": json.dumps(
        {"keys": [Key.generate().to_jwk(private=True) for _ in range(2)]}
    ).encode(),
    "short_secret": json.dumps({"keys": [{"kty": "oct", "k": SECRET, "alg": "HS256"}]}).encode(),
    "private_part_of_garbage": GENUINE.replace('"d": "', f'"d": "{SECRET}').encode(),
    "duplicate_member": GENUINE.replace('"kty"', f'"kty": "{SECRET}", "kty"').encode(),
    "nested": b"[" * 100_000,
}


@pytest.mark.parametrize("content", BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_file_stops_the_start_and_quotes_nothing(path: Path, content: bytes) -> None:
    path.parent.mkdir()
    path.touch(mode=0o600)
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
    path.touch(mode=0o600)
    path.write_bytes(content)

    with pytest.raises(ConfigurationError):
        change_keyring(path, adding(Key.generate()))

    assert path.read_bytes() == content
    assert list(path.parent.iterdir()) == [path]


def test_a_folder_in_the_files_place_stops_the_start(path: Path) -> None:
    path.mkdir(parents=True)

    with pytest.raises(ConfigurationError, match="cannot be read"):
        read_or_create_keyring(path)


@pytest.mark.parametrize(
    "act", [read_or_create_keyring, partial(change_keyring, change=adding(Key.generate()))]
)
def test_a_file_in_the_folders_place_stops_the_start(tmp_path: Path, act: object) -> None:
    (tmp_path / "data").write_text("not a folder")

    assert callable(act)
    with pytest.raises(ConfigurationError, match="cannot be"):
        act(tmp_path / "data" / "keys.json")


def test_an_error_names_where_the_keys_came_from() -> None:
    with pytest.raises(ConfigurationError, match=r"^TOKENPAIR_KEYS is not JSON$"):
        parse_keyring(SECRET, source="TOKENPAIR_KEYS")


class TestWatching:
    """A worker whose key file changes under it."""

    @pytest.fixture
    def auth(self, path: Path) -> Auth:
        keyring = read_or_create_keyring(path)
        watch = KeyFileWatch(path, lambda: read_keyring(path))
        return Auth(
            storage=MemoryStorage(),
            keyring=keyring,
            issuer="https://auth.test",
            passwords=Argon2Passwords(CHEAP),
            clock=FakeClock(),
            key_file=watch,
        )

    async def test_it_takes_up_a_changed_file(self, auth: Auth, path: Path) -> None:
        pair = await login_as(auth, await a_user(auth))
        newer = change_keyring(path, handing_over)

        await auth.reload_keys()

        assert auth.keyring.signing.kid == newer.signing.kid
        renewed = await auth.renew(pair.refresh_token)
        await auth.verify_access(pair.access_token)
        await auth.verify_access(renewed.access_token)

    async def test_a_leaked_keys_access_tokens_open_nothing_and_its_holders_renew(
        self, auth: Auth, path: Path
    ) -> None:
        pair = await login_as(auth, await a_user(auth))
        leaked = auth.keyring.signing.kid

        def leak(keyring: Keyring | None) -> Keyring:
            assert keyring
            return compromise(keyring, leaked, NOW)

        change_keyring(path, leak)

        await auth.reload_keys()

        with pytest.raises(InvalidToken):
            await auth.verify_access(pair.access_token)
        renewed = await auth.renew(pair.refresh_token)
        await auth.verify_access(renewed.access_token)

    async def test_an_unchanged_file_is_not_read(self, auth: Auth) -> None:
        keyring = auth.keyring

        await auth.reload_keys()

        assert auth.keyring is keyring

    async def test_the_file_that_a_first_start_makes_is_no_news(self, tmp_path: Path) -> None:
        auth = Auth.from_settings(Settings.read(data_dir=tmp_path))
        keyring = auth.keyring

        await auth.reload_keys()

        assert auth.keyring is keyring

    @pytest.mark.parametrize("content", BROKEN.values(), ids=BROKEN.keys())
    async def test_garbage_leaves_the_old_keys(
        self, auth: Auth, path: Path, content: bytes
    ) -> None:
        pair = await login_as(auth, await a_user(auth))
        path.write_bytes(content)

        for _ in range(2):  # For as long as it is there.
            with pytest.raises(ConfigurationError):
                await auth.reload_keys()

        await auth.verify_access(pair.access_token)
        await auth.renew(pair.refresh_token)

    async def test_a_file_that_is_gone_leaves_the_old_keys_and_none_is_made(
        self, tmp_path: Path
    ) -> None:
        """Though a first start would make one."""
        auth = Auth.from_settings(Settings.read(data_dir=tmp_path))
        keys = auth.keyring
        (tmp_path / "keys.json").unlink()

        for _ in range(2):
            with pytest.raises(ConfigurationError, match="cannot be read"):
                await auth.reload_keys()

        assert auth.keyring is keys
        assert not (tmp_path / "keys.json").exists()

    async def test_a_file_that_could_not_be_read_once_is_read_the_next_time(
        self, path: Path
    ) -> None:
        keyring = read_or_create_keyring(path)
        failures = [OSError(24, "Too many open files")]

        def load() -> Keyring:
            if failures:
                raise ConfigurationError from failures.pop()
            return read_keyring(path)

        watch = KeyFileWatch(path, load)
        change_keyring(path, handing_over)

        with pytest.raises(ConfigurationError):
            watch.poll()
        read = watch.poll()

        assert read is not None
        assert read.signing.kid != keyring.signing.kid
        assert watch.poll() is None

    async def test_a_worker_that_is_late_looks_as_soon_as_it_meets_a_new_key(
        self, auth: Auth, path: Path
    ) -> None:
        pair = await login_as(auth, await a_user(auth))
        storage = auth.storage
        newer = change_keyring(path, handing_over)
        early = make_auth(
            storage=storage, keyring=newer, clock=FakeClock(), audience="https://auth.test"
        )
        renewed = await early.renew(pair.refresh_token)

        await auth.verify_access(renewed.access_token)

        assert auth.keyring.signing.kid == newer.signing.kid

    async def test_a_flood_of_unknown_keys_makes_no_token_of_a_new_key_invalid(
        self, auth: Auth, path: Path
    ) -> None:
        """It is not looked for more than ten times in a second; until then the answer is 503."""
        pair = await login_as(auth, await a_user(auth))
        stranger = make_auth(keyring=Keyring([Key.generate()]), audience="https://auth.test")
        forged = (await login_as(stranger, await a_user(stranger))).access_token
        with pytest.raises(InvalidToken):
            await auth.verify_access(forged)
        newer = change_keyring(path, handing_over)
        early = make_auth(
            storage=auth.storage, keyring=newer, clock=FakeClock(), audience="https://auth.test"
        )
        renewed = (await early.renew(pair.refresh_token)).access_token

        async with asyncio.timeout(30):
            while True:
                try:
                    claims = await auth.verify_access(renewed)
                    break
                except Unavailable:
                    await asyncio.sleep(0.01)

        assert claims.token_id
        with pytest.raises((InvalidToken, Unavailable)):
            await auth.verify_access(forged)

    async def test_a_key_file_that_cannot_be_read_makes_no_token_of_a_new_key_invalid(
        self, auth: Auth, path: Path
    ) -> None:
        """It may be half-way through a change: 503, until the file can be read again."""
        pair = await login_as(auth, await a_user(auth))
        newer = change_keyring(path, handing_over)
        early = make_auth(
            storage=auth.storage, keyring=newer, clock=FakeClock(), audience="https://auth.test"
        )
        renewed = (await early.renew(pair.refresh_token)).access_token
        whole = path.read_text()
        path.write_text(whole[:40])

        for _ in range(3):
            with pytest.raises(Unavailable):
                await auth.verify_access(renewed)
        path.write_text(whole)
        async with asyncio.timeout(30):
            while True:
                try:
                    claims = await auth.verify_access(renewed)
                    break
                except Unavailable:
                    await asyncio.sleep(0.01)

        assert claims.token_id

    async def test_keys_that_another_thread_has_read_are_used_by_the_next_token(
        self, auth: Auth, path: Path
    ) -> None:
        """The background look reads in a thread; a token may come before it has come back."""
        pair = await login_as(auth, await a_user(auth))
        newer = change_keyring(path, handing_over)
        early = make_auth(
            storage=auth.storage, keyring=newer, clock=FakeClock(), audience="https://auth.test"
        )
        renewed = (await early.renew(pair.refresh_token)).access_token
        assert auth._key_file
        await asyncio.to_thread(auth._key_file.poll)

        claims = await auth.verify_access(renewed)

        assert claims.token_id

    async def test_what_a_slow_look_has_read_does_not_replace_what_is_newer(
        self, auth: Auth, path: Path
    ) -> None:
        """Else a key that was declared compromised would come back, until the next look."""
        newest: list[Keyring] = []

        class Overtaken(KeyFileWatch):
            def poll(self) -> Keyring | None:
                found = super().poll()
                if not newest:
                    newest.append(change_keyring(path, handing_over))
                    auth._look_again("header")
                return found

        auth._key_file = Overtaken(path, lambda: read_keyring(path))
        change_keyring(path, handing_over)

        await auth.reload_keys()

        assert auth.keyring.signing.kid == newest[0].signing.kid

    async def test_production_refuses_a_generated_key_while_it_runs_too(
        self, path: Path, tmp_path: Path
    ) -> None:
        change_keyring(path, adding(Key.generate()))
        auth = Auth.from_settings(
            Settings.read(
                environment="production",
                keys_file=path,
                base_url="https://books.example.com",
                database_url=f"sqlite:///{tmp_path / 'books.db'}",
            )
        )
        path.unlink()
        read_or_create_keyring(path)

        with pytest.raises(ConfigurationError, match="for development"):
            await auth.reload_keys()

    async def test_it_recovers_from_garbage(self, auth: Auth, path: Path) -> None:
        whole = path.read_bytes()
        path.write_bytes(whole[:100])
        with pytest.raises(ConfigurationError):
            await auth.reload_keys()
        path.write_bytes(whole)
        change_keyring(path, handing_over)

        await auth.reload_keys()

        assert auth.keyring.signing.kid == read_keyring(path).signing.kid

    async def test_a_file_that_others_can_read_meanwhile_is_told(
        self, auth: Auth, path: Path
    ) -> None:
        path.chmod(0o644)

        with pytest.raises(ConfigurationError, match="by others"):
            await auth.reload_keys()
