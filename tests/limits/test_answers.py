"""Limits over HTTP: whose address counts, the answers, and what an outage does."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import httpx2
import pytest
from fastapi import Depends, FastAPI, Request

from tests.limits.conftest import CountingPasswords
from tokenpair import Auth, Device, Edge
from tokenpair.core.limits import LimitName, Place, Refused, Taken
from tokenpair.errors import AuthError, ConfigurationError, InvalidCredentials, Unavailable
from tokenpair.fastapi import install
from tokenpair.flows.limits import Limits
from tokenpair.ports import Verified
from tokenpair.stores.memory import MemoryStorage
from tokenpair.stores.memory.limits import MemoryLimits
from tokenpair.testing import PASSWORD, FakeClock, a_user, make_auth

ADA = {"email": "ada@example.com", "password": PASSWORD}
WRONG = {"email": "ada@example.com", "password": "wrong"}


def talking_to(auth: Auth, address: str | None = "192.0.2.1") -> httpx2.AsyncClient:
    app = FastAPI()
    install(app, auth)
    peer = (address, 4711) if address else None
    transport = httpx2.ASGITransport(app=app, client=peer)  # type: ignore[arg-type]  # As a server on a Unix socket passes it.
    return httpx2.AsyncClient(transport=transport, base_url="https://auth.test")


async def statuses(client: httpx2.AsyncClient, number: int, *, forwarded: str = "") -> list[int]:
    """Guess ADA's password; the header has the number of the guess in the place of `{}`."""
    found = []
    for each in range(number):
        headers = {"X-Forwarded-For": forwarded.format(each)} if forwarded else {}
        response = await client.post("/auth/login", json=WRONG, headers=headers)
        found.append(response.status_code)
    return found


async def test_a_refusal_tells_when_to_come_back(clock: FakeClock) -> None:
    auth = make_auth(limits=True, clock=clock)
    await a_user(auth)
    async with talking_to(auth) as client:
        await statuses(client, 5)
        clock.advance(seconds=17)

        response = await client.post("/auth/login", json=ADA)

    assert response.status_code == 429
    assert response.headers["retry-after"] == "43"
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["code"] == "too_many_requests"
    assert "WWW-Authenticate" not in response.headers


async def test_an_unknown_account_gets_the_same_bytes() -> None:
    auth = make_auth(limits=True)
    await a_user(auth)
    found: list[list[tuple[int, list[tuple[str, str]], bytes]]] = []
    for email in ("ada@example.com", "no.account@example.com"):
        async with talking_to(auth, address=f"192.0.2.{len(found)}") as client:
            body = {"email": email, "password": "wrong"}
            answers = [await client.post("/auth/login", json=body) for _ in range(7)]
            found.append(
                [(each.status_code, each.headers.multi_items(), each.content) for each in answers]
            )

    assert found[0] == found[1]
    assert [status for status, *_ in found[0]] == [401] * 5 + [429] * 2


@pytest.mark.parametrize(
    ("hops", "forwarded"),
    [
        pytest.param(0, "203.0.113.{}", id="no_proxy"),
        pytest.param(1, "203.0.113.{}, 198.51.100.7", id="one_proxy"),
        pytest.param(2, "203.0.113.{}, 198.51.100.7, 10.0.0.1", id="two_proxies"),
        pytest.param(1, "198.51.100.7:{}", id="a_proxy_that_adds_the_port"),
        pytest.param(1, "[2001:db8::{}]:4711", id="one_network"),
        pytest.param(1, "nonsense {}", id="no_address"),
    ],
)
async def test_a_forged_header_is_no_new_address(hops: int, forwarded: str) -> None:
    """A14."""
    auth = make_auth(limits=True, edge=Edge(trusted_proxy_hops=hops))
    async with talking_to(auth) as client:
        found = await statuses(client, 8, forwarded=forwarded)

    assert found == [401] * 5 + [429] * 3


async def test_behind_a_proxy_each_client_has_an_address() -> None:
    auth = make_auth(limits=True, edge=Edge(trusted_proxy_hops=1))
    async with talking_to(auth) as client:
        assert await statuses(client, 20, forwarded="203.0.113.{}") == [401] * 20


async def test_on_a_unix_socket_the_limits_of_the_account_hold() -> None:
    async with talking_to(make_auth(limits=True), address=None) as client:
        assert await statuses(client, 102) == [401] * 100 + [429] * 2


async def test_sign_ups_of_an_address_are_limited(clock: FakeClock) -> None:
    auth = make_auth(limits=True, clock=clock)
    async with talking_to(auth) as client, talking_to(auth, "192.0.2.2") as other:
        bodies = [{"email": f"user{n}@example.com", "password": PASSWORD} for n in range(40)]
        first = [await client.post("/auth/signup", json=each) for each in bodies[:21]]
        elsewhere = await other.post("/auth/signup", json=bodies[30])
        clock.advance(hours=1)
        later = await client.post("/auth/signup", json=bodies[21])

    assert [each.status_code for each in first] == [201] * 20 + [429]
    assert first[-1].headers["retry-after"] == "3600"
    assert [elsewhere.status_code, later.status_code] == [201, 201]


async def test_a_sign_up_that_fails_counts() -> None:
    """Otherwise the answers would tell which addresses have accounts, without a limit."""
    auth = make_auth(limits=True)
    await a_user(auth)
    async with talking_to(auth) as client:
        found = [(await client.post("/auth/signup", json=ADA)).status_code for _ in range(22)]

    assert found == [409] * 20 + [429] * 2


async def test_without_limits_every_guess_is_compared(passwords: CountingPasswords) -> None:
    auth = make_auth(passwords=passwords)
    async with talking_to(auth) as client:
        assert await statuses(client, 100) == [401] * 100

    assert passwords.compared == 100


async def test_refusals_are_counted() -> None:
    auth = make_auth(limits=True)
    async with talking_to(auth) as client:
        await statuses(client, 8)

    reached = {name: number for name, number in auth.counts.limits_reached.items() if number}
    assert reached == {LimitName.PASSWORD: 3}
    assert {each.value: n for each, n in auth.counts.log_ins.items() if n} == {
        "refused": 5,
        "limited": 3,
    }


class Away(MemoryLimits):
    """Counters that can be unreachable."""

    is_away = False

    async def reserve(self, places: Sequence[Place], now: datetime) -> Sequence[Taken] | Refused:
        if self.is_away:
            raise Unavailable("cut off")
        return await super().reserve(places, now)

    async def release(
        self,
        taken: Sequence[Taken],
        now: datetime,
        *,
        clear: Sequence[bytes] = (),
        known: Mapping[bytes, datetime] | None = None,
    ) -> None:
        if self.is_away:
            raise Unavailable("cut off")
        await super().release(taken, now, clear=clear, known=known)


async def test_while_the_counters_are_unreachable_nothing_is_compared(
    passwords: CountingPasswords,
) -> None:
    counters = Away()
    auth = make_auth(limits=counters, passwords=passwords)
    await a_user(auth)
    counters.is_away = True
    async with talking_to(auth) as client:
        for body in (ADA, WRONG):
            response = await client.post("/auth/login", json=body)
            assert (response.status_code, response.json()["code"]) == (503, "unavailable")
        signed_up = await client.post("/auth/signup", json=ADA)

    assert signed_up.status_code == 503
    assert passwords.compared == 0


class Leaving(CountingPasswords):
    """While it compares, the counters become unreachable."""

    def __init__(self, counters: Away) -> None:
        super().__init__()
        self._counters = counters

    async def verify(self, password: str, password_hash: str | None) -> Verified:
        self._counters.is_away = True
        return await super().verify(password, password_hash)


async def test_a_success_that_cannot_be_recorded_is_one_nevertheless(
    caplog: pytest.LogCaptureFixture,
) -> None:
    counters = Away()
    auth = make_auth(limits=counters, passwords=Leaving(counters))
    await a_user(auth)

    assert await auth.log_in(email=ADA["email"], password=PASSWORD, device=Device(ip="192.0.2.1"))

    assert "could not be recorded" in caplog.text
    assert ADA["email"] not in caplog.text


class Busy(CountingPasswords):
    """A hasher with a full queue."""

    is_busy = True

    async def verify(self, password: str, password_hash: str | None) -> Verified:
        if self.is_busy:
            raise Unavailable("busy")
        return await super().verify(password, password_hash)


async def test_what_was_not_compared_does_not_count() -> None:
    passwords = Busy()
    auth = make_auth(limits=True, passwords=passwords)
    await a_user(auth)
    device = Device(ip="192.0.2.1")
    for _ in range(200):
        with pytest.raises(Unavailable):
            await auth.log_in(email=ADA["email"], password="wrong", device=device)
    passwords.is_busy = False

    for _ in range(5):
        with pytest.raises(InvalidCredentials):
            await auth.log_in(email=ADA["email"], password="wrong", device=device)


async def test_renewals_are_not_counted() -> None:
    counters = Away()
    auth = make_auth(limits=counters)
    await a_user(auth)
    pair = await auth.log_in(email=ADA["email"], password=PASSWORD)
    counters.is_away = True

    for _ in range(50):
        pair = await auth.renew(pair.refresh_token)
        await auth.verify_access(pair.access_token)


async def test_a_counter_that_has_ended_is_forgotten_by_memory(clock: FakeClock) -> None:
    storage = MemoryStorage()
    limits = make_auth(limits=True, storage=storage, clock=clock)._parts.build(Limits)
    for number in range(2000):
        if number % 20 == 0:
            clock.advance(days=31)
        await limits.sign_up(Device(ip=f"198.51.{number // 250}.{number % 250}"))

    assert len(storage.limits) < 1100


# A check of the app's own.


class Robot(AuthError):
    code = "robot"
    detail = "Please show that you are not a robot."


async def no_robots(request: Request) -> None:
    if request.headers.get("x-captcha") != "solved":
        raise Robot


async def test_a_check_of_the_app_runs_before_the_endpoints_that_it_names(
    passwords: CountingPasswords,
) -> None:
    auth = make_auth(limits=True, passwords=passwords)
    app = FastAPI()
    install(
        app, auth, before={"login": [Depends(no_robots)], "refresh_token": [Depends(no_robots)]}
    )
    transport = httpx2.ASGITransport(app=app)
    async with httpx2.AsyncClient(transport=transport, base_url="https://auth.test") as client:
        assert (await client.post("/auth/signup", json=ADA)).status_code == 201
        for _ in range(10):
            refused = await client.post("/auth/login", json=ADA)
            assert (refused.status_code, refused.json()["code"]) == (400, "robot")
        assert (await client.post("/auth/refresh_token")).json()["code"] == "robot"
        assert passwords.compared == 0

        solved = await client.post("/auth/login", json=ADA, headers={"X-Captcha": "solved"})

        assert solved.status_code == 200


def test_a_check_before_an_unknown_endpoint_is_a_mistake() -> None:
    with pytest.raises(ConfigurationError, match=r"install\(before=\.\.\.\).*'log_in'.*'login'"):
        install(FastAPI(), make_auth(), before={"log_in": [Depends(no_robots)]})
