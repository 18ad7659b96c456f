"""Hashing runs off the event loop, in a bounded number of threads."""

import asyncio
import os
import sys
import threading
from collections.abc import Iterable
from typing import Any, ClassVar

import httpx2
import pytest
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from tests.passwords.hashers import WatchedHasher, WatchedPasswords
from tests.waiting import LIMIT_SECONDS, limit
from tokenpair import Auth, Key, Keyring, PasswordPolicy, Rules
from tokenpair.errors import Unavailable
from tokenpair.passwords import (
    MAX_WAITING_ESTIMATES,
    NICENESS,
    Argon2Passwords,
)
from tokenpair.stores.memory import MemoryStorage
from tokenpair.testing import CHEAP, PASSWORD, a_user


class WatchedPolicy(PasswordPolicy):
    """Records the thread in which it checked a password."""

    __slots__ = ()
    threads: ClassVar[list[str]] = []

    def require_valid(
        self, password: str, *, words: Iterable[str] = (), field: str = "password"
    ) -> None:
        self.threads.append(threading.current_thread().name)
        super().require_valid(password, words=words, field=field)


async def test_a_new_password_is_looked_at_off_the_event_loop() -> None:
    """Estimating its strength takes up to a tenth of a second."""
    auth = Auth(
        storage=MemoryStorage(),
        keyring=Keyring([Key.generate()]),
        issuer="https://auth.test",
        passwords=Argon2Passwords(CHEAP),
        rules=Rules(policy=WatchedPolicy()),
    )

    await auth.sign_up(email="ada@example.com", password=PASSWORD)

    assert len(WatchedPolicy.threads) == 1
    assert WatchedPolicy.threads[0].startswith("password")


async def test_it_tells_how_many_are_hashed_and_wait(hasher: WatchedHasher) -> None:
    passwords = WatchedPasswords(hasher, threads=1, max_waiting=5)
    hasher.may_go_on.clear()
    tasks = [asyncio.create_task(passwords.hash(PASSWORD)) for _ in range(3)]
    assert await asyncio.to_thread(hasher.started.wait, LIMIT_SECONDS)

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


async def test_while_a_password_is_hashed_others_are_served(
    client: httpx2.AsyncClient, hasher: WatchedHasher
) -> None:
    hasher.may_go_on.clear()
    body = {"email": "ada@example.com", "password": PASSWORD}
    signing_up = asyncio.create_task(client.post("/auth/signup", json=body))
    assert await asyncio.to_thread(hasher.started.wait, LIMIT_SECONDS)

    meanwhile = await client.get("/.well-known/jwks.json")
    still_waiting = not signing_up.done()
    hasher.may_go_on.set()
    signed_up = await signing_up

    assert meanwhile.status_code == 200
    assert still_waiting
    assert signed_up.status_code == 201


async def taking_both_places(passwords: Argon2Passwords) -> list[asyncio.Task[Any]]:
    tasks = [asyncio.create_task(passwords.verify(PASSWORD, None)) for _ in range(2)]
    # Each task runs until it waits for a thread.
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
        asyncio.create_task(passwords.in_turn(lambda: may_go_on.wait(LIMIT_SECONDS)))
        for _ in range(places)
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

    async with limit():
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


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a thread has no priority of its own")
async def test_hashing_has_lower_priority_than_requests() -> None:
    class Told(Argon2Hasher):
        niceness: ClassVar[list[int]] = []

        def hash(self, password: str | bytes, *, salt: bytes | None = None) -> str:
            self.niceness.append(os.nice(0))
            return super().hash(password, salt=salt)

    passwords = Argon2Passwords(CHEAP)
    passwords._passwords = PasswordHash((Told(time_cost=1, memory_cost=8, parallelism=1),))

    await passwords.hash(PASSWORD)

    assert Told.niceness == [min(os.nice(0) + NICENESS, 19)]


async def test_estimates_have_normal_priority() -> None:
    """An estimate is Python code: at low priority it would delay all requests."""
    assert await Argon2Passwords(CHEAP).in_turn(lambda: os.nice(0)) == os.nice(0)
