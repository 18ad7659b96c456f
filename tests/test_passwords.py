import asyncio
import os
import re
import sys
import threading
import time
from collections.abc import AsyncIterator, Iterable, Iterator
from typing import Any, ClassVar

import httpx2
import pytest
from fastapi import FastAPI
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from tokenpair import Auth, EmailAddress, Key, Keyring, PasswordPolicy
from tokenpair.core.accounts.password_policy import is_easily_guessed
from tokenpair.errors import InvalidCredentials, InvalidInput, Unavailable
from tokenpair.fastapi import install
from tokenpair.passwords import (
    MAX_WAITING_ESTIMATES,
    NICENESS,
    Argon2Cost,
    Argon2Passwords,
)
from tokenpair.ports import Storage
from tokenpair.stores.memory import MemoryStorage
from tokenpair.testing import CHEAP, PASSWORD, FakeClock, a_user, make_auth

OTHER_COST = Argon2Cost(memory_kib=16, time=1, parallelism=1)
BCRYPT = "$2b$12$EixZaYVK1fsbw1ZfbX3OXePaWxn96p36WQoeG6Lruj3vjPGga31lW"


class WatchedHasher(Argon2Hasher):
    """The real hasher. Tells what it compared and in which thread, and waits while it is told."""

    def __init__(self) -> None:
        super().__init__(time_cost=1, memory_cost=8, parallelism=1)
        self.compared: list[str] = []
        self.threads: set[str] = set()
        self.started = threading.Event()
        self.may_go_on = threading.Event()
        self.may_go_on.set()

    def hash(self, password: str | bytes, *, salt: bytes | None = None) -> str:
        self._work()
        return super().hash(password, salt=salt)

    def verify(self, password: str | bytes, hash: str | bytes) -> bool:  # noqa: A002
        self._work()
        self.compared.append(str(hash))
        return super().verify(password, hash)

    def _work(self) -> None:
        self.threads.add(threading.current_thread().name)
        self.started.set()
        self.may_go_on.wait(10)


class WatchedPolicy(PasswordPolicy):
    """Tells in which thread it looked at a password."""

    __slots__ = ()
    threads: ClassVar[list[str]] = []

    def require_valid(
        self, password: str, *, words: Iterable[str] = (), field: str = "password"
    ) -> None:
        self.threads.append(threading.current_thread().name)
        super().require_valid(password, words=words, field=field)


async def test_a_new_password_is_looked_at_off_the_event_loop() -> None:
    """To guess how easily it is guessed takes up to a tenth of a second."""
    auth = Auth(
        storage=MemoryStorage(),
        keyring=Keyring([Key.generate()]),
        issuer="https://auth.test",
        passwords=Argon2Passwords(CHEAP),
        policy=WatchedPolicy(),
    )

    await auth.sign_up(email="ada@example.com", password=PASSWORD)

    assert len(WatchedPolicy.threads) == 1
    assert WatchedPolicy.threads[0].startswith("password")


class WatchedPasswords(Argon2Passwords):
    def __init__(self, hasher: WatchedHasher, **bounds: int) -> None:
        super().__init__(CHEAP, **bounds)
        self._passwords = PasswordHash((hasher,))


@pytest.fixture
def hasher() -> Iterator[WatchedHasher]:
    hasher = WatchedHasher()
    yield hasher
    hasher.may_go_on.set()


@pytest.fixture
def passwords() -> Argon2Passwords:
    return Argon2Passwords(CHEAP)


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


async def test_a_long_password_is_not_cut(passwords: Argon2Passwords) -> None:
    hashed = await passwords.hash("x" * 1023 + "a")

    assert not (await passwords.verify("x" * 1023 + "b", hashed)).is_right
    assert not (await passwords.verify("x" * 72, hashed)).is_right


async def test_the_default_cost_is_the_documented_one() -> None:
    hashed = await Argon2Passwords().hash(PASSWORD)

    assert re.match(r"\$argon2id\$v=19\$m=47104,t=1,p=1\$", hashed)


# The same work for everyone.

NOT_OURS = [
    pytest.param(None, id="none"),
    pytest.param("", id="empty"),
    pytest.param(BCRYPT, id="bcrypt"),
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
async def test_a_log_in_is_one_comparison_whatever_becomes_of_it(
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


async def test_nobodys_hash_costs_what_a_real_one_does(
    passwords: Argon2Passwords, hasher: WatchedHasher
) -> None:
    watched = WatchedPasswords(hasher)

    await watched.verify(PASSWORD, None)

    parameters = (await passwords.hash(PASSWORD)).rpartition("$")[0].rpartition("$")[0]
    assert hasher.compared[0].startswith(parameters)


# Off the event loop, and bounded in number.


async def test_it_tells_how_many_are_hashed_and_wait(hasher: WatchedHasher) -> None:
    passwords = WatchedPasswords(hasher, threads=1, max_waiting=5)
    hasher.may_go_on.clear()
    tasks = [asyncio.create_task(passwords.hash(PASSWORD)) for _ in range(3)]
    await asyncio.to_thread(hasher.started.wait, 10)

    during = (passwords.running, passwords.waiting)
    hasher.may_go_on.set()
    await asyncio.gather(*tasks)

    assert during == (1, 2)
    assert (passwords.running, passwords.waiting) == (0, 0)


async def test_no_hashing_happens_on_the_event_loop(hasher: WatchedHasher) -> None:
    passwords = WatchedPasswords(hasher)

    await passwords.verify(PASSWORD, await passwords.hash(PASSWORD))
    await passwords.verify(PASSWORD, None)

    assert hasher.threads
    assert all(name.startswith("argon2") for name in hasher.threads)
    assert threading.current_thread().name not in hasher.threads


@pytest.fixture
def watched_auth(hasher: WatchedHasher) -> Auth:
    return make_auth(passwords=WatchedPasswords(hasher, threads=1, max_waiting=1))


@pytest.fixture
async def client(watched_auth: Auth) -> AsyncIterator[httpx2.AsyncClient]:
    app = FastAPI()
    install(app, watched_auth)
    transport = httpx2.ASGITransport(app=app)
    async with httpx2.AsyncClient(transport=transport, base_url="https://auth.test") as client:
        yield client


async def test_while_a_password_is_hashed_others_are_served(
    client: httpx2.AsyncClient, hasher: WatchedHasher
) -> None:
    hasher.may_go_on.clear()
    body = {"email": "ada@example.com", "password": PASSWORD}
    signing_up = asyncio.create_task(client.post("/auth/signup", json=body))
    await asyncio.to_thread(hasher.started.wait, 10)

    meanwhile = await client.get("/.well-known/jwks.json")
    still_waiting = not signing_up.done()
    hasher.may_go_on.set()
    signed_up = await signing_up

    assert meanwhile.status_code == 200
    assert still_waiting
    assert signed_up.status_code == 201


async def taking_both_places(passwords: Argon2Passwords) -> list[asyncio.Task[Any]]:
    tasks = [asyncio.create_task(passwords.verify(PASSWORD, None)) for _ in range(2)]
    # Each task runs up to its place in line.
    await asyncio.sleep(0)
    return tasks


async def test_when_all_places_are_taken_the_next_is_told_to_come_back(
    hasher: WatchedHasher,
) -> None:
    hasher.may_go_on.clear()
    passwords = WatchedPasswords(hasher, threads=1, max_waiting=1)
    waiting = await taking_both_places(passwords)

    with pytest.raises(Unavailable):
        await passwords.verify(PASSWORD, None)
    with pytest.raises(Unavailable):
        await passwords.hash(PASSWORD)

    hasher.may_go_on.set()
    assert not any(verified.is_right for verified in await asyncio.gather(*waiting))


async def test_places_are_given_back(hasher: WatchedHasher) -> None:
    hasher.may_go_on.clear()
    passwords = WatchedPasswords(hasher, threads=1, max_waiting=1)
    waiting = await taking_both_places(passwords)
    hasher.may_go_on.set()
    await asyncio.gather(*waiting)

    for _ in range(3):
        await asyncio.gather(*await taking_both_places(passwords))


async def test_a_caller_who_goes_away_keeps_the_place_until_the_work_is_done(
    hasher: WatchedHasher,
) -> None:
    hasher.may_go_on.clear()
    passwords = WatchedPasswords(hasher, threads=1, max_waiting=1)
    impatient, patient = await taking_both_places(passwords)
    impatient.cancel()
    await asyncio.wait([impatient])

    with pytest.raises(Unavailable):
        await passwords.hash(PASSWORD)
    hasher.may_go_on.set()
    await patient

    assert impatient.cancelled()
    await asyncio.gather(*await taking_both_places(passwords))


async def test_sign_ups_that_wait_for_an_estimate_keep_no_log_in_out() -> None:
    passwords = Argon2Passwords(CHEAP, threads=1, max_waiting=0)
    may_go_on = threading.Event()
    places = 1 + MAX_WAITING_ESTIMATES
    estimates = [
        asyncio.create_task(passwords.in_turn(lambda: may_go_on.wait(30))) for _ in range(places)
    ]
    await asyncio.sleep(0)

    hashed = await passwords.hash(PASSWORD)
    verified = await passwords.verify(PASSWORD, hashed)
    with pytest.raises(Unavailable):
        await passwords.in_turn(lambda: None)
    may_go_on.set()

    assert verified.is_right
    assert all(await asyncio.gather(*estimates))


async def test_a_failure_gives_its_place_back(hasher: WatchedHasher) -> None:
    passwords = WatchedPasswords(hasher, threads=1, max_waiting=0)

    for _ in range(3):
        with pytest.raises(UnicodeEncodeError):
            await passwords.hash("\ud800")

    assert await passwords.hash(PASSWORD)


async def test_a_flood_of_log_ins_is_answered_503(
    client: httpx2.AsyncClient, watched_auth: Auth, hasher: WatchedHasher
) -> None:
    """ASVS 15.2.2."""
    await a_user(watched_auth)
    hasher.started.clear()
    hasher.may_go_on.clear()
    body = {"email": "ada@example.com", "password": PASSWORD}
    flood = [asyncio.create_task(client.post("/auth/login", json=body)) for _ in range(6)]

    done, waiting = await asyncio.wait(flood, return_when=asyncio.FIRST_COMPLETED)
    while len(done) < 4:
        more, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        done |= more
    refused = [task.result() for task in done]
    hasher.may_go_on.set()
    served = await asyncio.gather(*waiting)

    assert {answer.status_code for answer in refused} == {503}
    assert {answer.json()["code"] for answer in refused} == {"unavailable"}
    assert {answer.headers["retry-after"] for answer in refused} == {"1"}
    assert [answer.status_code for answer in served] == [200, 200]


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


# Which passwords will do.


@pytest.mark.parametrize(
    "password",
    [
        "passwordpassword",
        "123456789012345",
        "qwertyuiopasdfg",
        "aaaaaaaaaaaaaaaa",
        "abcabcabcabcabcabc",
        "iloveyouiloveyou",
        "password12345678",
    ],
)
def test_what_an_attacker_tries_first_is_refused(password: str) -> None:
    with pytest.raises(InvalidInput, match="among the first"):
        PasswordPolicy().require_valid(password)


@pytest.mark.parametrize(
    "password",
    [
        PASSWORD,
        "Zp4-vQ9_kT2.mB7",
        "zwei Igel trinken Tee",
        "\u732b\u304c\u597d\u304d\u3067\u3059\u304b\u3089\u6bce\u65e5\u3044\u3063\u3057\u3087\u306b\u3044\u308b",
    ],
)
def test_an_ordinary_long_password_will_do(password: str) -> None:
    PasswordPolicy().require_valid(password)


def test_words_of_the_app_and_of_the_user_are_easily_guessed() -> None:
    policy = PasswordPolicy(context_words=frozenset({"bookly", "hogwartslibrary"}))

    with pytest.raises(InvalidInput, match="fewer than 8 letters and digits besides"):
        policy.require_valid("hogwartslibrary1")
    with pytest.raises(InvalidInput, match="fewer than 8 letters and digits besides"):
        policy.require_valid("wilhelminanightingale", words=["wilhelmina", "nightingale"])
    PasswordPolicy().require_valid("wilhelminanightingale")


ADDRESS = "wilhelmina.nightingale-of-hogwarts@example.com"


@pytest.mark.parametrize(
    "password",
    [
        ADDRESS,
        f"{ADDRESS}1",
        f"{ADDRESS}!2026",
        f"12{ADDRESS}34",
        ADDRESS.upper() + "99",
        ADDRESS * 3,
        "Wilhelmina-Nightingale-1",
        "nightingale1234567",
        "example.com1234567",
        f"{ADDRESS}!!!!!!!!!!!!",
        f"{ADDRESS}password",
        ADDRESS[::-1],
        ".".join(ADDRESS.partition("@")[0]),
    ],
)
async def test_ones_own_address_with_a_little_added_is_refused(password: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        await make_auth().sign_up(email=ADDRESS, password=password)

    assert [error.field for error in caught.value.errors] == ["password"]


@pytest.mark.parametrize(
    ("email", "password"),
    [
        ("jonathansmithers+x7@example.com", "Jonathansmithers@Example.com2024!!"),
        ("a.b@c-de.com", "a-b@c-de.com.a-b@c-de.com"),
    ],
)
async def test_ones_own_address_in_another_spelling_is_refused(email: str, password: str) -> None:
    with pytest.raises(InvalidInput):
        await make_auth().sign_up(email=email, password=password)


@pytest.mark.parametrize(
    ("email", "password"),
    [
        ("ada@example.com", "adamant zebras sing low"),
        ("zebra@example.com", "adamant zebras sing low"),
        ("a.b.c@example.com", "abc plays the tuba well"),
        (ADDRESS, f"{ADDRESS} tuba kettle"),
    ],
)
async def test_a_password_that_is_long_enough_without_the_address_will_do(
    email: str, password: str
) -> None:
    await make_auth().sign_up(email=email, password=password)


HOSTILE = ["4@8({[<3691!|1ilo0$5+7%2", "4@8({[<3691!|1ilo0$5+7%2" * 2, "({[<1!|7469@" * 80]


@pytest.mark.parametrize("password", HOSTILE, ids=["24", "48", "960"])
def test_no_password_makes_the_estimate_slow(password: str) -> None:
    """In CPU time, which a busy machine does not change much; it was 60 times as slow."""

    def seconds(text: str) -> float:
        started = time.thread_time()
        is_easily_guessed(text)
        return time.thread_time() - started

    is_easily_guessed("x")  # Loads the word lists.
    usual = min(seconds("zwei Igel trinken Tee 24") for _ in range(5))

    assert min(seconds(password) for _ in range(3)) < 15 * usual


@pytest.mark.parametrize(
    "password", ["!@#$%^&*()_+1234567890", "p@$$w0rdp@55w0rd", "1l0v3y0u!1l0v3y0u!"]
)
def test_a_bounded_estimate_still_refuses_what_is_written_in_symbols(password: str) -> None:
    with pytest.raises(InvalidInput, match="among the first"):
        PasswordPolicy().require_valid(password)


LONG = "Zp4-vQ9_kT2.mB7 wH6+xD3/" * 50


@pytest.mark.parametrize(
    ("min_length", "password", "reason"),
    [
        pytest.param(15, LONG[:14], "is shorter than 15 characters", id="one_too_short"),
        pytest.param(15, LONG[:15], None, id="just_long_enough"),
        pytest.param(8, LONG[:7], "is shorter than 8 characters", id="short_of_the_floor"),
        pytest.param(8, LONG[:8], None, id="at_the_floor"),
        pytest.param(15, LONG[:1024], None, id="as_long_as_may_be"),
        pytest.param(15, LONG[:1025], "is longer than 1024 characters", id="one_too_long"),
        pytest.param(15, "", "is shorter than 15 characters", id="empty"),
    ],
)
def test_lengths_count_to_the_character(min_length: int, password: str, reason: str | None) -> None:
    policy = PasswordPolicy(min_length=min_length)

    if reason is None:
        policy.require_valid(password)
    else:
        with pytest.raises(InvalidInput) as caught:
            policy.require_valid(password, field="new_password")
        assert [(e.field, e.reason) for e in caught.value.errors] == [("new_password", reason)]


def test_a_length_counts_code_points_after_nfc() -> None:
    decomposed = "e\u0301" * 14

    with pytest.raises(InvalidInput, match="shorter than 15"):
        PasswordPolicy().require_valid(decomposed)


@pytest.mark.parametrize("password", ["4@8({[" * 170, "a1" * 512, "\u0130" * 1024, "x" * 1024])
def test_a_password_made_to_be_slow_is_judged_all_the_same(password: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        PasswordPolicy(min_length=1024).require_valid(password)

    assert password not in str(caught.value)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a thread has no priority of its own")
async def test_hashing_stands_back_behind_requests() -> None:
    class Told(Argon2Hasher):
        niceness: ClassVar[list[int]] = []

        def hash(self, password: str | bytes, *, salt: bytes | None = None) -> str:
            self.niceness.append(os.nice(0))
            return super().hash(password, salt=salt)

    passwords = Argon2Passwords(CHEAP)
    passwords._passwords = PasswordHash((Told(time_cost=1, memory_cost=8, parallelism=1),))

    await passwords.hash(PASSWORD)

    assert Told.niceness == [min(os.nice(0) + NICENESS, 19)]


async def test_what_holds_the_interpreter_does_not_stand_back() -> None:
    """Guessing is Python: off the core, it would keep all requests waiting."""
    assert await Argon2Passwords(CHEAP).in_turn(lambda: os.nice(0)) == os.nice(0)
