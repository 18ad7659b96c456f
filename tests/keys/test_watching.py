"""A key file that changes while a worker runs."""

import asyncio
import threading
from pathlib import Path

import pytest

from tests.keys.files import BROKEN, NOW, adding, handing_over, read_or_create_keyring
from tests.waiting import LIMIT_SECONDS, limit
from tokenpair import Auth, Key, Keyring, Settings
from tokenpair.core.tokens.key_rotation import compromise
from tokenpair.errors import ConfigurationError, InvalidToken, Unavailable
from tokenpair.key_file import change_keyring, read_keyring
from tokenpair.keys import RETRY_SECONDS, KeySource
from tokenpair.passwords import Argon2Passwords
from tokenpair.stores.memory import MemoryStorage
from tokenpair.testing import CHEAP, FakeClock, a_user, login_as, make_auth


class TestWatching:
    """A worker with a key file that changes."""

    @pytest.fixture
    def auth(self, path: Path) -> Auth:
        read_or_create_keyring(path)
        return Auth(
            storage=MemoryStorage(),
            keyring=KeySource(lambda: read_keyring(path), file=path),
            issuer="https://auth.test",
            passwords=Argon2Passwords(CHEAP),
            clock=FakeClock(),
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

        for _ in range(2):  # Each time, while the file is there.
            with pytest.raises(ConfigurationError):
                await auth.reload_keys()

        await auth.verify_access(pair.access_token)
        await auth.renew(pair.refresh_token)

    async def test_a_file_that_is_gone_leaves_the_old_keys_and_none_is_made(
        self, tmp_path: Path
    ) -> None:
        """A first start would make one."""
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
        failures: list[OSError] = []

        def load() -> Keyring:
            if failures:
                raise ConfigurationError from failures.pop()
            return read_keyring(path)

        read_or_create_keyring(path)
        keys = KeySource(load, file=path)
        keyring = keys.keyring
        change_keyring(path, handing_over)
        failures.append(OSError(24, "Too many open files"))

        with pytest.raises(ConfigurationError):
            keys.poll()
        read = keys.poll()

        assert read.signing.kid != keyring.signing.kid
        assert keys.poll() is read

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
        """An unknown key is looked for each time."""
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

        async with limit():
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
        """The file may be in the middle of a change: 503, until it can be read again."""
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
        async with limit():
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
        await asyncio.to_thread(auth._parts.keys.poll)

        claims = await auth.verify_access(renewed)

        assert claims.token_id

    async def test_what_a_slow_look_has_read_does_not_replace_what_is_newer(
        self, path: Path
    ) -> None:
        """Otherwise a compromised key would be used again until the next look."""
        newest: list[Keyring] = []

        class Overtaken(KeySource):
            def poll(self) -> Keyring:
                found = super().poll()
                if is_slow and not newest:
                    newest.append(change_keyring(path, handing_over))
                    self.look_again()
                return found

        read_or_create_keyring(path)
        keys, is_slow = Overtaken(lambda: read_keyring(path), file=path), False
        auth = make_auth(keyring=keys)
        change_keyring(path, handing_over)
        is_slow = True

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
                trusted_proxy_hops=0,
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

    async def test_keys_that_do_not_suit_the_audience_leave_the_old_keys(self, path: Path) -> None:
        read_or_create_keyring(path)
        keys = KeySource(lambda: read_keyring(path), file=path)
        auth = make_auth(keyring=keys)
        keyring = auth.keyring
        pair = await login_as(auth, await a_user(auth))
        change_keyring(path, lambda _: Keyring([Key.generate("HS256")]))

        for _ in range(2):
            with pytest.raises(ConfigurationError, match="HS256"):
                await auth.reload_keys()

        assert not keys.look_again()
        assert auth.keyring is keyring
        await auth.verify_access(pair.access_token)

    def test_an_unknown_key_is_looked_for_at_once_every_time(self, path: Path) -> None:
        """Otherwise tokens of a new key and of a removed key could not be distinguished."""
        read_or_create_keyring(path)
        keys = KeySource(lambda: read_keyring(path), file=path, monotonic=lambda: 0.0)
        found = keys.keyring

        for _ in range(3):
            newer = change_keyring(path, handing_over)

            assert keys.look_again()
            assert keys.look_again()
            assert found.signing.kid != keys.keyring.signing.kid == newer.signing.kid

    def test_an_unchanged_file_is_not_read_for_an_unknown_key(self, path: Path) -> None:
        """Any client can send tokens that name one."""
        read_or_create_keyring(path)
        reads: list[int] = []

        def load() -> Keyring:
            reads.append(1)
            return read_keyring(path)

        keys = KeySource(load, file=path)
        assert keys.keyring

        assert keys.look_again()
        assert reads == [1]

    def test_unknown_keys_cause_an_invalid_file_to_be_read_every_tenth_of_a_second(
        self, path: Path
    ) -> None:
        read_or_create_keyring(path)
        reads: list[float] = []
        now = 0.0

        def load() -> Keyring:
            reads.append(now)
            return read_keyring(path)

        keys = KeySource(load, file=path, monotonic=lambda: now)
        assert keys.keyring
        path.write_text("{")

        for now in (1.0, 1.0 + RETRY_SECONDS / 2, 1.0 + 2 * RETRY_SECONDS):  # noqa: B007  `load` reads it.
            assert not keys.look_again()

        assert reads == [0.0, 1.0, 1.0 + 2 * RETRY_SECONDS]

    def test_the_keys_of_settings_are_read_on_first_use(self, tmp_path: Path) -> None:
        """A command that needs no keys makes no key file."""
        keys = KeySource.from_settings(Settings.read(data_dir=tmp_path))

        assert not (tmp_path / "keys.json").exists()
        assert keys.keyring.signing.is_generated
        assert (tmp_path / "keys.json").exists()

    async def test_while_the_file_is_being_read_an_unknown_key_is_not_waited_for(
        self, path: Path
    ) -> None:
        """The event loop cannot wait for a slow file."""
        read_or_create_keyring(path)
        begun, finish = threading.Event(), threading.Event()
        is_slow = False

        def load() -> Keyring:
            if is_slow:
                begun.set()
                finish.wait(LIMIT_SECONDS)
            return read_keyring(path)

        keys = KeySource(load, file=path)
        assert keys.keyring
        newer = change_keyring(path, handing_over)
        is_slow = True
        reading = asyncio.create_task(keys.reload())
        assert await asyncio.to_thread(begun.wait, LIMIT_SECONDS)

        is_known = keys.look_again()
        finish.set()
        await reading

        assert not is_known
        assert keys.look_again()
        assert keys.keyring.signing.kid == newer.signing.kid
