"""An app's own hasher and breach check, with the other settings from the environment."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest

from tokenpair import Auth, EmailAddress
from tokenpair.errors import ConfigurationError, InvalidInput, Unavailable
from tokenpair.ports import Verified
from tokenpair.testing import PASSWORD

T = TypeVar("T")
EMAIL = "ada@example.com"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


class Reversed:
    running: int = 0
    waiting: int = 0

    async def hash(self, password: str) -> str:
        return f"reversed:{password[::-1]}"

    async def verify(self, password: str, password_hash: str | None) -> Verified:
        return Verified(is_right=password_hash == await self.hash(password))

    async def in_turn(self, work: Callable[[], T]) -> T:
        return work()


class Everything:
    async def is_breached(self, password: str) -> bool:
        return bool(password)


class Failing:
    async def is_breached(self, password: str) -> bool:
        raise LookupError(password)


async def test_a_hasher_of_ones_own_hashes_and_compares() -> None:
    async with Auth.from_settings(passwords=Reversed()) as auth:
        await auth.sign_up(email=EMAIL, password=PASSWORD)
        async with auth.storage.reading() as look:
            found = await look.users.by_email(EmailAddress.parse(EMAIL))

        assert found is not None
        assert found.password_hash == f"reversed:{PASSWORD[::-1]}"
        assert await auth.log_in(email=EMAIL, password=PASSWORD)


async def test_a_breach_check_of_the_app_is_asked() -> None:
    async with Auth.from_settings(passwords=Reversed(), breach_check=Everything()) as auth:
        with pytest.raises(InvalidInput, match="data breach"):
            await auth.sign_up(email=EMAIL, password=PASSWORD)


async def test_a_setting_decides_what_a_failing_breach_check_means(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with Auth.from_settings(passwords=Reversed(), breach_check=Failing()) as auth:
        assert await auth.sign_up(email=EMAIL, password=PASSWORD)

    monkeypatch.setenv("TOKENPAIR_BREACH_CHECK_REQUIRED", "true")
    async with Auth.from_settings(passwords=Reversed(), breach_check=Failing()) as auth:
        with pytest.raises(Unavailable):
            await auth.sign_up(email="bob@example.com", password=PASSWORD)


async def test_a_setting_names_words_that_are_easy_to_guess(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    password = "Hogwartslibrary 1234!"
    async with Auth.from_settings(passwords=Reversed()) as auth:
        assert await auth.sign_up(email=EMAIL, password=password)

    monkeypatch.setenv("TOKENPAIR_PASSWORD_WORDS", "bookly, hogwartslibrary")
    async with Auth.from_settings(passwords=Reversed()) as auth:
        with pytest.raises(InvalidInput, match="the name of this service"):
            await auth.sign_up(email="bob@example.com", password=password)


def test_a_breach_check_that_is_required_must_be_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKENPAIR_BREACH_CHECK_REQUIRED", "true")

    with pytest.raises(ConfigurationError, match="the app has no breach check"):
        Auth.from_settings()
