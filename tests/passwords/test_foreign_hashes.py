"""Hashes that other systems made: right and wrong passwords, and hashes made to do harm."""

import asyncio
import logging
import sys

import httpx2
import pytest
from fastapi import FastAPI
from hypothesis import given
from hypothesis import strategies as st

from tests.passwords import foreign
from tests.passwords.foreign import DECOMPOSED, HASHES, LONG, ODD
from tests.passwords.hashers import WatchedHasher, WatchedPasswords
from tokenpair import Auth, EmailAddress, User
from tokenpair.core.accounts.user import StoredUser
from tokenpair.errors import InvalidCredentials
from tokenpair.fastapi import install
from tokenpair.hashers.argon2 import Hasher
from tokenpair.hashers.unusable import UnusableHash
from tokenpair.ids import uuid7
from tokenpair.passwords import (
    LEAST_MEMORY_KIB,
    MAX_HASH_LENGTH,
    MOST_MEMORY_KIB,
    Argon2Passwords,
    max_memory_kib,
)
from tokenpair.testing import CHEAP, PASSWORD, make_auth

EMAIL = "ada@example.com"
CHEAP_HASHES = sorted(stored for name, stored in HASHES.items() if "default" not in name)

every_hash = pytest.mark.parametrize("stored", HASHES.values(), ids=HASHES)


@every_hash
async def test_the_right_password_is_right_and_gets_a_new_hash(
    passwords: Argon2Passwords, stored: str
) -> None:
    verified = await passwords.verify(PASSWORD, stored)

    assert verified.is_right
    assert verified.new_hash is not None
    assert verified.new_hash.startswith("$argon2id$v=19$m=8,t=1,p=1$")
    again = await passwords.verify(PASSWORD, verified.new_hash)
    assert (again.is_right, again.new_hash) == (True, None)


@every_hash
async def test_another_password_is_wrong(passwords: Argon2Passwords, stored: str) -> None:
    for password in (PASSWORD + " ", PASSWORD.upper(), PASSWORD[:-1], "", stored):
        verified = await passwords.verify(password, stored)
        assert (verified.is_right, verified.new_hash) == (False, None)


@every_hash
async def test_a_log_in_stores_the_new_hash(stored: str) -> None:
    auth = await with_an_old_account(stored)

    with pytest.raises(InvalidCredentials):
        await auth.log_in(email=EMAIL, password="wrong horse battery staple")
    assert await stored_hash(auth) == stored
    await auth.log_in(email=EMAIL, password=PASSWORD)

    assert (await stored_hash(auth)).startswith("$argon2id$v=19$m=8,t=1,p=1$")
    assert await auth.log_in(email=EMAIL, password=PASSWORD)


async def with_an_old_account(stored: str) -> Auth:
    auth = make_auth()
    user = User(id=uuid7(), email=EmailAddress.parse(EMAIL), created_at=auth.clock())
    async with auth.storage.begin() as tx:
        await tx.users.add(StoredUser(user=user, password_hash=stored))
    return auth


async def stored_hash(auth: Auth) -> str:
    async with auth.storage.reading() as look:
        found = await look.users.by_email(EmailAddress.parse(EMAIL))
    assert found is not None
    return found.password_hash or ""


async def test_a_password_is_compared_as_the_old_system_received_it(
    passwords: Argon2Passwords,
) -> None:
    """Other systems hash what the device sent. From then on, both forms are one password."""
    verified = await passwords.verify(DECOMPOSED, foreign.DJANGO_DECOMPOSED)

    assert verified.is_right
    composed = "caf\u00e9 au lait et tarte"
    assert (await passwords.verify(composed, verified.new_hash)).is_right


async def test_both_forms_of_a_password_take_the_same_work_without_an_account(
    hasher: WatchedHasher,
) -> None:
    passwords = WatchedPasswords(hasher)
    hashed = await passwords.hash(PASSWORD)

    await passwords.verify(DECOMPOSED, hashed)
    with_account = len(hasher.compared)
    await passwords.verify(DECOMPOSED, None)

    assert (with_account, len(hasher.compared)) == (2, 4)


# bcrypt reads 72 bytes.


@pytest.mark.parametrize(
    ("password", "stored"),
    [
        pytest.param(LONG, foreign.BCRYPT_LONG, id="ascii"),
        pytest.param(ODD, foreign.BCRYPT_ODD, id="cut_within_a_letter"),
    ],
)
async def test_bcrypt_ignores_what_follows_72_bytes_and_the_new_hash_does_not(
    passwords: Argon2Passwords, password: str, stored: str
) -> None:
    first = password.encode()[:72].decode(errors="ignore")

    verified = await passwords.verify(password, stored)

    assert verified.is_right
    assert (await passwords.verify(password + "!", stored)).is_right
    assert not (await passwords.verify(first[:-1], stored)).is_right
    assert not (await passwords.verify("!" + password, stored)).is_right
    assert (await passwords.verify(password, verified.new_hash)).is_right
    assert not (await passwords.verify(password + "!", verified.new_hash)).is_right


async def test_djangos_bcrypt_with_sha256_ignores_nothing(passwords: Argon2Passwords) -> None:
    stored = foreign.DJANGO_BCRYPT_SHA256_LONG

    assert (await passwords.verify(LONG, stored)).is_right
    assert not (await passwords.verify(LONG + "!", stored)).is_right


@pytest.mark.parametrize("length", [71, 72, 73, 74, 1024])
async def test_no_length_of_a_password_is_a_server_error(length: int) -> None:
    """A18: bcrypt 5 raises an error for 73 bytes."""
    auth = await with_an_old_account(foreign.BCRYPT_LONG)
    app = FastAPI()
    install(app, auth)
    password = (LONG * 12)[:length]
    new = {"email": "new@example.com", "password": password}

    async with httpx2.AsyncClient(
        transport=httpx2.ASGITransport(app=app), base_url="https://auth.test"
    ) as client:
        answers = [
            await client.post("/auth/signup", json=new),
            await client.post("/auth/login", json=new),
            await client.post("/auth/login", json={"email": EMAIL, "password": "!" * length}),
            await client.post("/auth/login", json={"email": EMAIL, "password": password}),
        ]

    assert [each.status_code for each in answers] == [201, 200, 401, 200 if length > 71 else 401]


@pytest.mark.parametrize("password", ["a\x00b", "\x00"])
async def test_a_nul_in_a_password_is_no_error(passwords: Argon2Passwords, password: str) -> None:
    assert not any([(await passwords.verify(password, each)).is_right for each in CHEAP_HASHES])


async def test_without_bcrypt_its_hashes_are_refused_and_the_log_says_why(
    passwords: Argon2Passwords, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(sys.modules, "bcrypt", None)  # Python's way to make an import fail.

    verified = await passwords.verify(PASSWORD, foreign.BCRYPT)

    assert not verified.is_right
    assert caplog.messages == [told("bcrypt is not installed: install tokenpair[bcrypt]")]


# Hashes made to do harm.

SALT, DIGEST, KEY = "c2FsdHNhbHQ", "A" * 43, "0" * 128
COSTLY = [
    pytest.param("$2b$16$" + "." * 53, "bcrypt with a cost above 15", id="bcrypt"),
    pytest.param("$2b$31$" + "." * 53, "bcrypt with a cost above 15", id="bcrypt_most"),
    pytest.param("$2b$99$" + "." * 53, "bcrypt with a cost above 15", id="bcrypt_impossible"),
    pytest.param(
        f"pbkdf2_sha256$5000001$salt${DIGEST}=",
        "PBKDF2 with more than 5000000 iterations",
        id="django",
    ),
    pytest.param(
        f"pbkdf2:sha512:9999999999$salt${KEY}",
        "PBKDF2 with more than 5000000 iterations",
        id="werkzeug",
    ),
    pytest.param(f"scrypt:16777216:8:1$salt${KEY}", "MiB of memory", id="scrypt_memory"),
    pytest.param(f"scrypt:2:9999999999:1$salt${KEY}", "MiB of memory", id="scrypt_blocks"),
    pytest.param(f"scrypt:16:1:262145$salt${KEY}", "scrypt with too much work", id="scrypt_lanes"),
    pytest.param(
        f"$argon2id$v=19$m=4294967295,t=1,p=1${SALT}${DIGEST}", "MiB of memory", id="argon2_memory"
    ),
    pytest.param(
        f"$argon2id$v=19$m=1024,t=2049,p=1${SALT}${DIGEST}", "too many passes", id="argon2_passes"
    ),
    pytest.param(
        f"$argon2id$v=19$m=8,t=4294967295,p=1${SALT}${DIGEST}", "too many passes", id="argon2_most"
    ),
    pytest.param(
        f"$argon2i$v=19$m=1024,t=1,p=65${SALT}${DIGEST}", "more than 64 lanes", id="argon2_lanes"
    ),
]


@pytest.mark.parametrize(("stored", "reason"), COSTLY)
async def test_a_hash_that_would_take_too_much_is_refused_for_the_work_of_an_unknown_account(
    hasher: WatchedHasher, stored: str, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    passwords = WatchedPasswords(hasher)

    answers = [await passwords.verify(PASSWORD, stored) for _ in range(2)]

    assert not any(each.is_right or each.new_hash for each in answers)
    assert hasher.compared == [passwords._decoy_hash] * 2
    assert len(caplog.messages) == 1
    assert reason in caplog.messages[0]


def told(reason: str) -> str:
    return f"a stored password hash cannot be compared with: {reason}"


FORMAT = told("its format is not supported")
MALFORMED = told("it is malformed")
INVALID = [
    pytest.param("$2x$04$" + "." * 53, FORMAT, id="bcrypt_with_the_bug_of_2011"),
    pytest.param("$2b$03$" + "." * 53, MALFORMED, id="bcrypt_cost_too_low"),
    pytest.param("$2b$\u0664\u0664$" + "." * 53, FORMAT, id="digits_of_another_script"),
    pytest.param("pbkdf2_sha256$0$salt$" + DIGEST + "=", MALFORMED, id="no_iterations"),
    pytest.param("pbkdf2_sha256$1$salt$" + "A" * 27 + "=", MALFORMED, id="digest_cut"),
    pytest.param("pbkdf2_md5$1$salt$" + "A" * 22 + "==", FORMAT, id="md5"),
    pytest.param("pbkdf2:sha256:1$salt$" + "0" * 40, MALFORMED, id="werkzeug_digest_cut"),
    pytest.param("pbkdf2:sha256:1$salt$" + "0" * 63, MALFORMED, id="half_a_byte"),
    pytest.param(f"scrypt:0:8:1$salt${KEY}", MALFORMED, id="scrypt_n_0"),
    pytest.param(f"scrypt:3:8:1$salt${KEY}", MALFORMED, id="scrypt_n_3"),
    pytest.param(f"scrypt:16:0:1$salt${KEY}", MALFORMED, id="scrypt_r_0"),
    pytest.param(f"scrypt:65536:1:1$salt${KEY}", MALFORMED, id="scrypt_n_too_large_for_r"),
    pytest.param(f"$argon2id$v=19$m=8,t=0,p=1${SALT}${DIGEST}", MALFORMED, id="argon2_t_0"),
    pytest.param(
        "$argon2id$v=19$m=8,t=1,p=1$s\u00e4lt$" + DIGEST, FORMAT, id="argon2_beyond_ascii"
    ),
    pytest.param(
        "$argon2id$v=19$m=" + "9" * 5000 + ",t=1,p=1$a$b", FORMAT, id="a_very_long_number"
    ),
    pytest.param("argon2$bcrypt$$2b$04$" + "." * 53, FORMAT, id="two_prefixes"),
    pytest.param("pbkdf2_sha256$1$" + "s" * MAX_HASH_LENGTH, FORMAT, id="long"),
]


@pytest.mark.parametrize(("stored", "logged"), INVALID)
async def test_an_invalid_hash_is_refused_for_the_work_of_an_unknown_account(
    hasher: WatchedHasher, stored: str, logged: str, caplog: pytest.LogCaptureFixture
) -> None:
    passwords = WatchedPasswords(hasher)

    answers = [await passwords.verify(PASSWORD, stored) for _ in range(2)]

    assert not any(each.is_right or each.new_hash for each in answers)
    assert hasher.compared == [passwords._decoy_hash] * 2
    assert caplog.messages == [logged]


@every_hash
async def test_a_hash_that_was_cut_is_never_right(passwords: Argon2Passwords, stored: str) -> None:
    for end in range(1, len(stored)):
        assert not (await passwords.verify(PASSWORD, stored[:-end])).is_right


# No digit but 0: another one may make a hash costly, and the test slow.
@given(st.sampled_from(CHEAP_HASHES), st.integers(0, 200), st.sampled_from("$:=,0aA/.\u00e9\n"))
def test_a_hash_with_one_other_character_is_wrong_or_right_and_no_error(
    stored: str, place: int, character: str
) -> None:
    place %= len(stored)
    changed = stored[:place] + character + stored[place + 1 :]

    verified = asyncio.run(Argon2Passwords(CHEAP, threads=1).verify(PASSWORD + "!", changed))

    assert not verified.is_right


@pytest.mark.parametrize("threads", [1, 2, 10**9])
def test_the_memory_of_a_comparison_has_limits_on_every_machine(threads: int) -> None:
    assert LEAST_MEMORY_KIB <= max_memory_kib(threads) <= MOST_MEMORY_KIB


async def test_the_log_does_not_show_the_hash_or_the_password(
    passwords: Argon2Passwords, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        for stored in ("abc$secret", "$2b$31$" + "s" * 53):
            await passwords.verify(PASSWORD, stored)

    assert len(caplog.messages) == 2
    assert not any(each in caplog.text for each in ("secret", "sss", PASSWORD))


def test_a_hash_of_todays_cost_is_compared_even_if_it_is_above_the_limit() -> None:
    hasher = Hasher(memory_cost=2048, time_cost=1, parallelism=1, max_memory=1024)
    costlier = Hasher(memory_cost=2049, time_cost=1, parallelism=1, max_memory=4096)

    assert hasher.verify(PASSWORD, hasher.hash(PASSWORD))
    with pytest.raises(UnusableHash):
        hasher.verify(PASSWORD, costlier.hash(PASSWORD))
