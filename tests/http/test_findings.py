"""Faults that were found in similar systems, each with a test."""

import asyncio
import json
import logging

import httpx2
import pytest
from fastapi import FastAPI

from tests.http.conftest import (
    CLIENT_ADDRESS,
    Bench,
    bearer,
    is_live,
    on_both_storages,
    renew,
    says_invalid_token,
    talking_to,
    told,
)
from tokenpair import Auth, Edge, TokenPair, User
from tokenpair.core.tokens.encoding import base64url, from_base64url
from tokenpair.core.tokens.material import ALGORITHMS, DEFAULT_ALGORITHM
from tokenpair.fastapi import install
from tokenpair.stores.memory import MemoryStorage
from tokenpair.testing import PASSWORD, FakeClock, login_as, make_auth

P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


@pytest.mark.parametrize(
    "body",
    [
        {"email": "ada@example.com", "password": "hunter2-canary"},
        {"email": 1, "password": "hunter2-canary"},
        {"password": "hunter2-canary"},
    ],
    ids=["too_short", "another_field_wrong", "another_field_missing"],
)
async def test_a_refused_sign_up_does_not_repeat_the_password(
    client: httpx2.AsyncClient, caplog: pytest.LogCaptureFixture, body: dict[str, object]
) -> None:
    caplog.set_level(logging.DEBUG)

    response = await client.post("/auth/signup", json=body)

    assert told(response) == (422, "invalid_input")
    assert "hunter2" not in response.text + str(response.headers) + caplog.text
    assert "input" not in response.json()


@pytest.mark.parametrize("path", ["/auth/signup", "/auth/login"])
@pytest.mark.parametrize(
    "content",
    [
        pytest.param(rb'{"email": "a@example.com", "password": "\ud800"}', id="lone_surrogate"),
        pytest.param(rb'{"\ud800": 1}', id="lone_surrogate_in_a_name"),
        pytest.param(b'{"email": NaN, "password": NaN}', id="nan"),
        pytest.param(rb'{"email": "a@example.com", "password": "\u0000"}', id="nul"),
    ],
)
async def test_one_anonymous_request_is_no_crash(
    client: httpx2.AsyncClient, path: str, content: bytes
) -> None:
    response = await client.post(
        path, content=content, headers={"Content-Type": "application/json"}
    )

    assert told(response) == (422, "invalid_input")


async def test_a_header_that_is_not_ascii_is_no_crash(client: httpx2.AsyncClient) -> None:
    headers = [(b"authorization", b"Bearer \xe4\xff.\xfc.\xf6")]

    answers = [
        await client.get("/auth/me", headers=headers),
        await client.post("/auth/refresh_token", headers=headers),
        await client.post("/auth/logout", headers=headers),
    ]

    assert {told(answer) for answer in answers} == {(401, "token_invalid")}


@on_both_storages
async def test_what_a_replay_has_ended_stays_ended_though_the_request_fails(
    client: httpx2.AsyncClient, clock: FakeClock, auth: Auth, ada: User, pair: TokenPair
) -> None:
    token = pair.refresh_token
    for _ in range(2):
        token = (await renew(client, token)).json()["refresh_token"]
        clock.advance(minutes=3)

    replay = await renew(client, pair.refresh_token)

    assert told(replay) == (401, "session_ended")
    assert told(await renew(client, token)) == (401, "session_ended")
    assert await auth.list_sessions(ada.id) == []


@on_both_storages
async def test_renewals_at_once_do_not_fork_the_line(
    client: httpx2.AsyncClient, clock: FakeClock, pair: TokenPair
) -> None:
    token = pair.refresh_token
    for _ in range(3):
        answers = await asyncio.gather(*[renew(client, token) for _ in range(15)])
        children = {answer.json()["refresh_token"] for answer in answers}
        assert len(children) == 1
        token = children.pop()
        clock.advance(minutes=3)


@on_both_storages
async def test_no_honest_client_is_logged_out_by_haste(
    client: httpx2.AsyncClient, clock: FakeClock, pair: TokenPair
) -> None:
    stored = pair.refresh_token
    for pause in (0, 3, 0, 200, 11, 0, 130, 90, 600):
        presented = stored
        stored = (await renew(client, presented)).json()["refresh_token"]
        late = await renew(client, presented)
        assert late.status_code == 200
        clock.advance(seconds=pause)

    response = await renew(client, stored)

    assert response.status_code == 200


@on_both_storages
async def test_haste_is_not_forgiven_to_a_session_that_was_ended(
    client: httpx2.AsyncClient, pair: TokenPair
) -> None:
    await renew(client, pair.refresh_token)
    await client.post("/auth/logout", headers=bearer(pair.access_token))

    response = await renew(client, pair.refresh_token)

    assert told(response) == (401, "session_ended")


@on_both_storages
async def test_after_log_out_the_access_token_is_dead_at_once(
    client: httpx2.AsyncClient, pair: TokenPair
) -> None:
    """V7.4.1."""
    assert await is_live(client, pair.access_token)

    await client.post("/auth/logout", headers=bearer(pair.refresh_token))

    response = await client.get("/auth/me", headers=bearer(pair.access_token))
    assert told(response) == (401, "session_ended")


async def test_the_default_algorithm_is_an_approved_one(access_bench: Bench) -> None:
    assert access_bench.header["alg"] == DEFAULT_ALGORITHM == "ES256"
    assert ALGORITHMS[-2:] == ("RS256", "HS256")


async def test_another_spelling_of_a_signature_is_no_way_around_log_out(
    client: httpx2.AsyncClient, pair: TokenPair
) -> None:
    signed, _, signature = pair.access_token.rpartition(".")
    raw = from_base64url(signature)
    negated = P256_ORDER - int.from_bytes(raw[32:], "big")
    twin = f"{signed}.{base64url(raw[:32] + negated.to_bytes(32, 'big'))}"
    before = await client.get("/auth/me", headers=bearer(twin))
    await client.post("/auth/logout", headers=bearer(pair.access_token))

    after = await client.get("/auth/me", headers=bearer(twin))

    assert before.status_code == 200
    assert told(after) == (401, "session_ended")


@on_both_storages
async def test_to_log_out_with_another_spelling_ends_the_session_all_the_same(
    client: httpx2.AsyncClient, pair: TokenPair
) -> None:
    signed, _, signature = pair.access_token.rpartition(".")
    raw = from_base64url(signature)
    negated = P256_ORDER - int.from_bytes(raw[32:], "big")
    twin = f"{signed}.{base64url(raw[:32] + negated.to_bytes(32, 'big'))}"

    await client.post("/auth/logout", headers=bearer(twin))

    assert not await is_live(client, pair.access_token)


@pytest.mark.parametrize(
    "path", ["/auth/logout", "/auth/logout/all", "/auth/logout/others", "/auth/refresh_token"]
)
@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded"])
async def test_a_request_that_a_browser_may_send_unasked_has_no_effect(
    client: httpx2.AsyncClient, pair: TokenPair, path: str, content_type: str
) -> None:
    cookies = f"access_token={pair.access_token}; refresh_token={pair.refresh_token}"

    response = await client.post(
        path,
        content=f"refresh_token={pair.refresh_token}",
        headers={"Cookie": cookies, "Content-Type": content_type, "Origin": "https://evil.test"},
    )

    assert told(response) == (401, "not_authenticated")
    assert not says_invalid_token(response)
    assert await is_live(client, pair.access_token)


async def test_a_log_in_that_a_browser_may_send_unasked_has_no_effect(
    client: httpx2.AsyncClient, auth: Auth, ada: User
) -> None:
    """W1."""
    response = await client.post(
        "/auth/login",
        content=json.dumps({"email": ada.email.typed, "password": PASSWORD}),
        headers={"Content-Type": "text/plain"},
    )

    assert told(response) == (422, "invalid_input")
    assert await auth.list_sessions(ada.id) == []


async def test_no_answer_sets_a_cookie(client: httpx2.AsyncClient, ada: User) -> None:
    credentials = {"email": ada.email.typed, "password": PASSWORD}

    logged_in = await client.post("/auth/login", json=credentials)
    renewed = await renew(client, logged_in.json()["refresh_token"])
    logged_out = await client.post("/auth/logout", headers=bearer(renewed.json()["access_token"]))

    answers = [logged_in, renewed, logged_out]
    assert [answer.status_code for answer in answers] == [200, 200, 204]
    assert not any("set-cookie" in answer.headers for answer in answers)


async def address_behind(hops: int, *forwarded: str) -> str | None:
    """Return the address that a log-in is stored with, behind trusted proxies."""
    auth = make_auth(storage=MemoryStorage(), edge=Edge(trusted_proxy_hops=hops))
    app = FastAPI()
    install(app, auth)
    user = await auth.sign_up(email="ada@example.com", password=PASSWORD)
    async with talking_to(app) as client:
        await client.post(
            "/auth/login",
            json={"email": "ada@example.com", "password": PASSWORD},
            headers=[(b"x-forwarded-for", each.encode()) for each in forwarded],
        )
    return (await auth.list_sessions(user.id))[0].ip


@pytest.mark.parametrize("forwarded", ["6.6.6.6", "6.6.6.6, 7.7.7.7", "127.0.0.1", ""])
async def test_a_stranger_cannot_choose_the_address_we_see(forwarded: str) -> None:
    """A14."""
    assert await address_behind(0, forwarded) == CLIENT_ADDRESS


@pytest.mark.parametrize(
    ("hops", "forwarded", "address"),
    [
        pytest.param(1, ["198.51.100.1"], "198.51.100.1", id="one_proxy"),
        pytest.param(1, ["6.6.6.6, 198.51.100.1"], "198.51.100.1", id="and_a_lie"),
        pytest.param(1, ["6.6.6.6", "198.51.100.1"], "198.51.100.1", id="a_lie_of_its_own"),
        pytest.param(1, ["6.6.6.6 ,, 198.51.100.1 "], "198.51.100.1", id="odd_commas"),
        pytest.param(1, [], CLIENT_ADDRESS, id="proxy_that_says_nothing"),
        pytest.param(2, ["6.6.6.6, 198.51.100.1, 10.0.0.1"], "198.51.100.1", id="two_proxies"),
        pytest.param(2, ["198.51.100.1"], "198.51.100.1", id="fewer_than_expected"),
    ],
)
async def test_behind_proxies_the_address_is_counted_from_the_right(
    hops: int, forwarded: list[str], address: str
) -> None:
    """A14."""
    assert await address_behind(hops, *forwarded) == address


@pytest.mark.usefixtures("ada")
async def test_an_address_is_never_long() -> None:
    address = await address_behind(1, "x" * 5000)

    assert address is not None
    assert len(address) <= 64


@on_both_storages
async def test_an_address_of_unusual_characters_is_no_crash(
    client: httpx2.AsyncClient, auth: Auth, ada: User
) -> None:
    """W10."""
    auth.edge = Edge(trusted_proxy_hops=1)

    response = await client.post(
        "/auth/login",
        json={"email": ada.email.typed, "password": PASSWORD},
        headers=[(b"x-forwarded-for", b"\xff\x1b[31m")],
    )

    pair = response.json()
    listed = await client.get("/auth/sessions", headers=bearer(pair["access_token"]))
    assert (response.status_code, listed.status_code) == (200, 200)
    assert "\x1b" not in (listed.json()[0]["ip"] or "")
    assert (await login_as(auth, ada)).access_token
