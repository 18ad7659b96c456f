"""Hashes and comparisons: right and wrong, and the same work for every account."""

import asyncio
import re

import pytest

from tests.passwords.hashers import WatchedHasher, WatchedPasswords
from tokenpair import Auth, EmailAddress
from tokenpair.errors import InvalidCredentials
from tokenpair.passwords import (
    Argon2Cost,
    Argon2Passwords,
)
from tokenpair.ports import Storage
from tokenpair.stores.memory import MemoryStorage
from tokenpair.testing import PASSWORD, FakeClock, a_user, make_auth

OTHER_COST = Argon2Cost(memory_kib=16, time=1, parallelism=1)


@pytest.fixture
def storage() -> MemoryStorage:
    return MemoryStorage()


async def stored_hash(storage: Storage, auth: Auth, email: str = "ada@example.com") -> str:
    async with storage.reading() as look:
        found = await look.users.by_email(EmailAddress.parse(email))
    assert auth.storage is storage
    assert found is not None
    return found.password_hash or ""


# Right and wrong.


async def test_a_password_is_right_for_its_own_hash_alone(passwords: Argon2Passwords) -> None:
    hashed = await passwords.hash(PASSWORD)

    assert (await passwords.verify(PASSWORD, hashed)).is_right
    assert not (await passwords.verify(PASSWORD + " ", hashed)).is_right
    assert not (await passwords.verify(PASSWORD.upper(), hashed)).is_right
    assert not (await passwords.verify("", hashed)).is_right


async def test_two_hashes_of_one_password_differ(passwords: Argon2Passwords) -> None:
    assert await passwords.hash(PASSWORD) != await passwords.hash(PASSWORD)


async def test_a_password_typed_in_either_unicode_form_is_one(passwords: Argon2Passwords) -> None:
    hashed = await passwords.hash("cafe\u0301 au lait")

    assert (await passwords.verify("caf\u00e9 au lait", hashed)).is_right


async def test_compatible_characters_are_not_the_same(passwords: Argon2Passwords) -> None:
    hashed = await passwords.hash("\ufb01ne words")

    assert not (await passwords.verify("fine words", hashed)).is_right


@pytest.mark.parametrize("password", ["\ud800", PASSWORD + "\udfff", "\ud83d\ude00"])
async def test_a_lone_surrogate_is_wrong_for_the_work_of_any_password(
    hasher: WatchedHasher, password: str
) -> None:
    passwords = WatchedPasswords(hasher)
    hashed = await passwords.hash(PASSWORD + "?")

    for password_hash in (hashed, None):
        assert not (await passwords.verify(password, password_hash)).is_right

    assert len(hasher.compared) == 2


async def test_a_long_password_is_not_cut(passwords: Argon2Passwords) -> None:
    hashed = await passwords.hash("x" * 1023 + "a")

    assert not (await passwords.verify("x" * 1023 + "b", hashed)).is_right
    assert not (await passwords.verify("x" * 72, hashed)).is_right


async def test_the_default_cost_is_the_documented_one() -> None:
    hashed = await Argon2Passwords().hash(PASSWORD)

    assert re.match(r"\$argon2id\$v=19\$m=47104,t=1,p=1\$", hashed)


# The same work for every account.

NOT_OURS = [
    pytest.param(None, id="none"),
    pytest.param("", id="empty"),
    pytest.param("$2b$12$EixZaYVK1fsbw1ZfbX3OXePaWxn96p36WQoeG6Lruj3vjPGga31l", id="bcrypt_cut"),
    pytest.param("plain text", id="plain_text"),
    pytest.param("$argon2id$", id="cut_off"),
    pytest.param("$argon2id$v=19$m=8,t=1,p=1$AAAA$AAAA", id="salt_too_short"),
    pytest.param("$argon2id$v=19$m=8,t=1,p=1$!!!!$!!!!", id="not_base64"),
    pytest.param("pbkdf2_sha256$1$a$b", id="another_library"),
]


@pytest.mark.parametrize("password_hash", NOT_OURS)
async def test_what_is_no_hash_of_ours_is_never_right(
    passwords: Argon2Passwords, password_hash: str | None
) -> None:
    answers = [await passwords.verify(each, password_hash) for each in (PASSWORD, "", "plain text")]

    assert not any(answer.is_right or answer.new_hash for answer in answers)


@pytest.mark.parametrize("password_hash", NOT_OURS)
async def test_what_is_no_hash_of_ours_takes_one_comparison_all_the_same(
    hasher: WatchedHasher, password_hash: str | None
) -> None:
    passwords = WatchedPasswords(hasher)

    await passwords.verify(PASSWORD, password_hash)

    assert len(hasher.compared) == 1


@pytest.mark.parametrize(
    ("email", "password"),
    [
        pytest.param("ada@example.com", PASSWORD, id="right"),
        pytest.param("ada@example.com", "wrong", id="wrong_password"),
        pytest.param("nobody@example.com", PASSWORD, id="unknown_address"),
        pytest.param("not an address", PASSWORD, id="not_an_address"),
        pytest.param("disabled@example.com", PASSWORD, id="disabled"),
        pytest.param("disabled@example.com", "wrong", id="disabled_and_wrong"),
    ],
)
async def test_a_log_in_is_one_comparison_whether_it_succeeds_or_not(
    hasher: WatchedHasher, email: str, password: str
) -> None:
    """A10."""
    auth = make_auth(passwords=WatchedPasswords(hasher))
    await a_user(auth)
    await auth.disable((await a_user(auth, "disabled@example.com")).id)

    refused = None
    try:
        await auth.log_in(email=email, password=password)
    except InvalidCredentials as exc:
        refused = exc

    assert len(hasher.compared) == 1
    assert (refused is None) is ((email, password) == ("ada@example.com", PASSWORD))


async def test_the_hash_for_unknown_accounts_costs_what_a_real_one_does(
    passwords: Argon2Passwords, hasher: WatchedHasher
) -> None:
    watched = WatchedPasswords(hasher)

    await watched.verify(PASSWORD, None)

    parameters = (await passwords.hash(PASSWORD)).rpartition("$")[0].rpartition("$")[0]
    assert hasher.compared[0].startswith(parameters)


# Hashes made with other parameters.


async def test_a_log_in_renews_a_hash_of_other_parameters(storage: MemoryStorage) -> None:
    before = make_auth(storage=storage)
    await a_user(before)
    after = make_auth(storage=storage, passwords=Argon2Passwords(OTHER_COST))

    await after.log_in(email="ada@example.com", password=PASSWORD)

    assert "$m=16,t=1,p=1$" in await stored_hash(storage, after)
    assert await after.log_in(email="ada@example.com", password=PASSWORD)


async def test_a_hash_of_todays_parameters_stays(storage: MemoryStorage) -> None:
    auth = make_auth(storage=storage)
    await a_user(auth)
    before = await stored_hash(storage, auth)

    await auth.log_in(email="ada@example.com", password=PASSWORD)

    assert await stored_hash(storage, auth) == before


async def test_a_wrong_password_renews_no_hash(storage: MemoryStorage) -> None:
    await a_user(make_auth(storage=storage))
    auth = make_auth(storage=storage, passwords=Argon2Passwords(OTHER_COST))
    before = await stored_hash(storage, auth)

    with pytest.raises(InvalidCredentials):
        await auth.log_in(email="ada@example.com", password="wrong")

    assert await stored_hash(storage, auth) == before


async def test_log_ins_that_renew_a_hash_at_once_all_succeed(storage: MemoryStorage) -> None:
    await a_user(make_auth(storage=storage))
    auth = make_auth(storage=storage, passwords=Argon2Passwords(OTHER_COST), clock=FakeClock())

    pairs = await asyncio.gather(
        *(auth.log_in(email="ada@example.com", password=PASSWORD) for _ in range(5))
    )

    assert len({pair.refresh_token for pair in pairs}) == 5
