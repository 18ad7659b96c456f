"""Cookie mode: a page keeps the refresh token in a cookie, and no other page can use it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from tests.http.conftest import (
    bearer,
    is_live,
    on_both_storages,
    renew,
    talking_to,
    told,
)
from tokenpair import Auth, Edge, Keyring, User
from tokenpair.errors import ConfigurationError, Unavailable
from tokenpair.fastapi import install
from tokenpair.passwords import Argon2Passwords
from tokenpair.ports import Storage
from tokenpair.stores.memory import MemoryStorage
from tokenpair.stores.memory.storage import MemoryUnitOfWork
from tokenpair.testing import CHEAP, PASSWORD, FakeClock, make_auth

NAME = "__Host-tokenpair"
PAGE = "https://page.test"
CREDENTIALS = {"email": "ada@example.com", "password": PASSWORD}
ATTRIBUTES = {"Path=/", "Secure", "HttpOnly", "SameSite=Strict"}

OURS = {"X-Tokenpair": "cookie", "Sec-Fetch-Site": "same-origin"}
"""What a browser sends for a page of ours."""

FOREIGN = [
    pytest.param({"Sec-Fetch-Site": "same-origin"}, id="without the header X-Tokenpair"),
    pytest.param({"X-Tokenpair": "cookie"}, id="without its origin"),
    pytest.param({"X-Tokenpair": "cookie", "Sec-Fetch-Site": "cross-site"}, id="another site"),
    pytest.param({"X-Tokenpair": "cookie", "Sec-Fetch-Site": "same-site"}, id="a sister host"),
    pytest.param({"X-Tokenpair": "cookie", "Sec-Fetch-Site": "none"}, id="typed by the user"),
    pytest.param({"X-Tokenpair": "cookie", "Origin": "https://evil.test"}, id="another origin"),
    pytest.param({"X-Tokenpair": "cookie", "Origin": "null"}, id="an origin that is null"),
    pytest.param({"X-Tokenpair": "cookie", "Origin": f"{PAGE}.evil.test"}, id="a longer origin"),
    pytest.param({"X-Tokenpair": "cookie", "Origin": "http://page.test"}, id="no https"),
    pytest.param({"X-Tokenpair": "cookie", "Origin": PAGE.upper()}, id="no browser's origin"),
    pytest.param(
        {"X-Tokenpair": "cookie", "Origin": "https://auth.test", "Host": "auth.test"},
        id="the origin of its Host",
    ),
]
"""What no page of ours sends. The app's origin is not in the allowed ones, as without base URL."""


@pytest.fixture
def auth(storage: Storage, clock: FakeClock, keyring: Keyring) -> Auth:
    edge = Edge(cookies=True, origins=frozenset({PAGE}))
    return make_auth(storage=storage, clock=clock, keyring=keyring, edge=edge)


def sent(
    headers: dict[str, str], token: str | bytes, *, name: str = NAME
) -> list[tuple[bytes, bytes]]:
    """Return the headers of a request with a cookie."""
    value = token if isinstance(token, bytes) else token.encode()
    return [
        *((header.encode(), each.encode()) for header, each in headers.items()),
        (b"Cookie", name.encode("latin-1") + b"=" + value),
    ]


def read_cookie(response: httpx2.Response) -> tuple[str, set[str]]:
    """Return the value and the attributes of the one cookie that an answer sets."""
    (header,) = response.headers.get_list("set-cookie")
    pair, *attributes = header.split("; ")
    name, _, value = pair.partition("=")
    assert name == NAME
    return value, set(attributes)


async def log_in(client: httpx2.AsyncClient, older: str | bytes = "") -> tuple[str, str]:
    """Log in as a page; return the cookie's token and the access token."""
    answer = await client.post("/auth/login", json=CREDENTIALS, headers=sent(OURS, older))
    assert answer.status_code == 200
    client.cookies.clear()  # Each test says which cookies it sends.
    return read_cookie(answer)[0], answer.json()["access_token"]


async def present(
    client: httpx2.AsyncClient, path: str, token: str | bytes, headers: dict[str, str] = OURS
) -> httpx2.Response:
    answer = await client.post(f"/auth/{path}", headers=sent(headers, token))
    client.cookies.clear()
    return answer


@pytest.mark.usefixtures("ada")
async def test_a_log_in_that_asks_for_a_cookie_gets_one_and_no_refresh_token(
    client: httpx2.AsyncClient,
) -> None:
    """V3.3.1, V3.3.2, V3.3.4, V3.3.5."""
    answer = await client.post("/auth/login", json=CREDENTIALS, headers=OURS)

    token, attributes = read_cookie(answer)
    assert answer.json().keys() == {
        "access_token",
        "token_type",
        "expires_in",
        "refresh_expires_in",
    }
    assert attributes == ATTRIBUTES | {f"Max-Age={answer.json()['refresh_expires_in']}"}
    assert len(answer.headers["set-cookie"]) < 4096
    assert answer.headers["cache-control"] == "no-store"
    assert (await renew(client, token)).status_code == 400  # The client has stored the cookie.
    assert await is_live(client, answer.json()["access_token"])


@pytest.mark.usefixtures("ada")
@pytest.mark.parametrize("value", [None, "1", "COOKIE", ""])
async def test_another_log_in_gets_the_pair_in_the_body(
    client: httpx2.AsyncClient, value: str | None
) -> None:
    headers = OURS | {"X-Tokenpair": value} if value is not None else {}

    answer = await client.post("/auth/login", json=CREDENTIALS, headers=headers)

    assert "refresh_token" in answer.json()
    assert "set-cookie" not in answer.headers


@pytest.mark.usefixtures("ada")
@pytest.mark.parametrize(
    "headers",
    [OURS, OURS | {"X-Tokenpair": "1"}, {"X-Tokenpair": "cookie", "Origin": PAGE}],
    ids=["the same origin", "any value of the header", "an allowed origin"],
)
async def test_a_page_of_ours_renews_by_the_cookie(
    client: httpx2.AsyncClient, clock: FakeClock, headers: dict[str, str]
) -> None:
    first, _ = await log_in(client)
    clock.advance(minutes=5)

    answer = await present(client, "refresh_token", first, headers)

    second, attributes = read_cookie(answer)
    assert answer.status_code == 200
    assert "refresh_token" not in answer.json()
    assert attributes == ATTRIBUTES | {f"Max-Age={answer.json()['refresh_expires_in']}"}
    assert second != first
    assert await is_live(client, answer.json()["access_token"])
    clock.advance(minutes=5)
    assert (await present(client, "refresh_token", second)).status_code == 200


@pytest.mark.usefixtures("ada")
@pytest.mark.parametrize("headers", FOREIGN)
async def test_a_foreign_page_changes_nothing(
    client: httpx2.AsyncClient, auth: Auth, ada: User, clock: FakeClock, headers: dict[str, str]
) -> None:
    """V3.5.1, W12."""
    token, _ = await log_in(client)
    clock.advance(minutes=5)
    before = await auth.list_sessions(ada.id)

    answers = [
        await present(client, "refresh_token", token, headers),
        await present(client, "logout", token, headers),
    ]
    if "X-Tokenpair" in headers:
        page = sent(headers, token)
        answers.append(await client.post("/auth/login", json=CREDENTIALS, headers=page))

    for answer in answers:
        assert told(answer) == (403, "cross_site")
        assert "set-cookie" not in answer.headers
    assert await auth.list_sessions(ada.id) == before


@pytest.mark.usefixtures("ada")
@pytest.mark.parametrize("path", ["refresh_token", "logout"])
@pytest.mark.parametrize("authorization", ["Bearer x", "Bearer", "", "Basic YTpi", None], ids=repr)
async def test_an_authorization_header_beside_the_cookie_is_ambiguous(
    client: httpx2.AsyncClient, clock: FakeClock, path: str, authorization: str | None
) -> None:
    """W13."""
    token, access_token = await log_in(client)
    clock.advance(minutes=5)
    if authorization is None:
        authorization = f"Bearer {access_token}"

    answer = await present(client, path, token, OURS | {"Authorization": authorization})

    assert told(answer) == (400, "invalid_request")
    assert "set-cookie" not in answer.headers
    assert await is_live(client, access_token)


@pytest.mark.usefixtures("ada")
async def test_the_cookie_opens_nothing_but_renewal_and_log_out(client: httpx2.AsyncClient) -> None:
    """W13."""
    token, access_token = await log_in(client)
    page = sent(OURS, token)

    assert told(await client.get("/auth/me", headers=page)) == (401, "not_authenticated")
    for path in ("/auth/logout/all", "/auth/logout/others"):
        assert told(await client.post(path, headers=page)) == (401, "not_authenticated")
    bad = await client.get("/auth/me", headers=sent(OURS | bearer("x"), token))
    assert told(bad) == (401, "token_invalid")
    assert (
        await client.get("/auth/me", headers=sent(OURS | bearer(access_token), token))
    ).status_code == 200


@pytest.mark.usefixtures("ada")
async def test_a_safe_method_never_accepts_the_cookie(
    client: httpx2.AsyncClient, clock: FakeClock
) -> None:
    """V3.5.3, W12."""
    token, _ = await log_in(client)
    clock.advance(minutes=5)
    page = sent(OURS, token)

    refused = await client.get("/auth/refresh_token", headers=page)
    head = await client.head("/auth/refresh_token", headers=page)
    by_header = await client.get("/auth/refresh_token", headers=sent(OURS | bearer(token), token))

    assert told(refused) == (401, "not_authenticated")
    assert head.status_code == 405
    assert by_header.json()["refresh_token"] != token
    assert not any("set-cookie" in each.headers for each in (refused, head, by_header))


@pytest.mark.usefixtures("ada")
async def test_log_out_ends_the_session_and_deletes_the_cookie(client: httpx2.AsyncClient) -> None:
    token, access_token = await log_in(client)

    first, second = [await present(client, "logout", token) for _ in range(2)]

    for answer in (first, second):
        assert answer.status_code == 204
        assert read_cookie(answer) == ("", ATTRIBUTES | {"Max-Age=0"})
    assert not await is_live(client, access_token)
    refused = await present(client, "refresh_token", token)
    assert told(refused) == (401, "session_ended")
    assert "set-cookie" not in refused.headers


TRICKS: dict[str, dict[str, Any]] = {
    "a form": {"content": b"email=a", "headers": {"Content-Type": "multipart/form-data"}},
    "JSON as text": {"content": b'{"email":""}', "headers": {"Content-Type": "text/plain"}},
    "another method": {"headers": {"X-HTTP-Method-Override": "POST"}},
    "a Host with a path": {"headers": {"Host": "auth.test/auth/logout?"}},
    "our own Host": {"headers": {"X-Forwarded-Host": "page.test", "Host": "page.test"}},
    "the header twice": {"headers": {"X-Tokenpair": "cookie, cookie", "Origin": f"{PAGE}, {PAGE}"}},
    "the header in a query": {"params": {"X-Tokenpair": "cookie", "Origin": PAGE}},
    "a Referer": {"headers": {"X-Tokenpair": "1", "Referer": f"{PAGE}/"}},
}
"""Requests of another site; with each goes the cookie, as to a browser without SameSite."""


@pytest.mark.usefixtures("ada")
@pytest.mark.parametrize("trick", TRICKS)
@pytest.mark.parametrize(
    "path", ["login", "refresh_token", "logout", "logout/all", "logout/others"]
)
async def test_no_trick_of_another_site_works_with_the_cookie(
    client: httpx2.AsyncClient, auth: Auth, ada: User, clock: FakeClock, path: str, trick: str
) -> None:
    """W1, W2, W7, W12."""
    token, _ = await log_in(client)
    clock.advance(minutes=5)
    before = await auth.list_sessions(ada.id)
    request = {"headers": {}} | TRICKS[trick]
    request["headers"] = sent({"Sec-Fetch-Site": "cross-site"} | request["headers"], token)

    answers = [await client.request(each, f"/auth/{path}", **request) for each in ("POST", "GET")]

    for answer in answers:
        assert 400 <= answer.status_code < 500
        assert "set-cookie" not in answer.headers
    assert await auth.list_sessions(ada.id) == before


INVALID = [
    pytest.param(b"x", id="garbage"),
    pytest.param(b"a.b.c", id="three parts"),
    pytest.param(b"x" * 8192, id="8 KiB"),
    pytest.param("schlüssel".encode(), id="UTF-8"),
    pytest.param(b"\xff\xfe\x85", id="bytes that are no UTF-8"),
    pytest.param(b"%0d%0aSet-Cookie:a=b", id="an escaped line break"),
    pytest.param(b'"quoted"', id="quotes"),
    pytest.param(b"=", id="an equals sign"),
]


@pytest.mark.usefixtures("ada")
@pytest.mark.parametrize("value", INVALID)
async def test_a_cookie_of_garbage_is_refused_and_hinders_no_log_in(
    client: httpx2.AsyncClient, value: bytes
) -> None:
    for path in ("refresh_token", "logout"):
        answer = await present(client, path, value)
        assert told(answer) == (401, "token_invalid")
        assert "set-cookie" not in answer.headers
    await log_in(client, value)


@pytest.mark.usefixtures("ada")
async def test_an_empty_cookie_is_no_cookie(client: httpx2.AsyncClient) -> None:
    """W14."""
    token, _ = await log_in(client)

    empty = await present(client, "refresh_token", "")
    longer = await client.post("/auth/refresh_token", headers=sent(OURS, token, name=f"{NAME}2"))
    spaced = await client.post("/auth/refresh_token", headers=sent(OURS, token, name=f"\x85{NAME}"))
    beside = await client.post("/auth/refresh_token", headers=sent(bearer(token), ""))

    assert {told(each) for each in (empty, longer, spaced)} == {(401, "not_authenticated")}
    assert beside.status_code == 200


@pytest.mark.usefixtures("ada")
@pytest.mark.parametrize("in_one_header", [True, False])
async def test_two_cookies_of_the_name_are_ambiguous(
    client: httpx2.AsyncClient, *, in_one_header: bool
) -> None:
    """W14."""
    token, access_token = await log_in(client)
    one = f"{NAME}={token}"
    values = [f"a=b; {one}; {NAME}=x"] if in_one_header else [one, f"{NAME}=x"]
    headers = [*OURS.items(), *(("Cookie", value) for value in values)]

    for path in ("refresh_token", "logout"):
        answer = await client.post(f"/auth/{path}", headers=headers)
        assert told(answer) == (400, "invalid_request")
    assert await is_live(client, access_token)
    again = await client.post("/auth/login", json=CREDENTIALS, headers=headers)
    assert again.status_code == 200
    assert not await is_live(client, access_token)


@pytest.mark.usefixtures("ada")
async def test_a_log_in_ends_the_session_of_the_older_cookie(client: httpx2.AsyncClient) -> None:
    """V7.2.4."""
    older, of_older = await log_in(client)
    wrong = CREDENTIALS | {"password": "wrong"}

    refused = await client.post("/auth/login", json=wrong, headers=sent(OURS, older))
    by_body = await client.post("/auth/login", json=CREDENTIALS, headers=sent({}, older))
    assert (refused.status_code, by_body.status_code) == (401, 200)
    assert await is_live(client, of_older)
    _, of_newer = await log_in(client, older)

    assert not await is_live(client, of_older)
    assert await is_live(client, of_newer)
    assert await is_live(client, by_body.json()["access_token"])


class Unending(MemoryStorage):
    """A storage that fails when a session ends."""

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[MemoryUnitOfWork]:
        async with super().begin() as tx:
            yield tx
            if tx.revocations:
                raise Unavailable("cut off")


async def test_a_log_in_succeeds_if_the_older_session_cannot_be_ended(
    caplog: pytest.LogCaptureFixture,
) -> None:
    app, auth = FastAPI(), make_auth(storage=Unending(), edge=Edge(cookies=True))
    install(app, auth)
    async with app.router.lifespan_context(app), talking_to(app) as client:
        await client.post("/auth/signup", json=CREDENTIALS)
        older, _ = await log_in(client)
        newer, of_newer = await log_in(client, older)

        assert newer != older
        assert await is_live(client, of_newer)
        assert told(await present(client, "logout", newer)) == (503, "unavailable")
    assert "the session that a log-in replaces could not be ended: cut off" in caplog.messages


@pytest.mark.usefixtures("ada")
async def test_two_users_who_log_in_at_once_in_two_tabs_have_sessions_of_their_own(
    client: httpx2.AsyncClient, auth: Auth
) -> None:
    older, of_older = await log_in(client)
    bob = CREDENTIALS | {"email": "bob@example.com"}
    await auth.sign_up(email=bob["email"], password=PASSWORD)

    answers = await asyncio.gather(
        *(
            client.post("/auth/login", json=each, headers=sent(OURS, older))
            for each in (CREDENTIALS, bob)
        )
    )

    assert not await is_live(client, of_older)
    for answer in answers:
        assert await is_live(client, answer.json()["access_token"])
        assert (await present(client, "refresh_token", read_cookie(answer)[0])).status_code == 200


async def test_a_refused_log_in_of_another_site_is_not_counted_as_a_guess() -> None:
    app, auth = FastAPI(), make_auth(edge=Edge(cookies=True), limits=True)
    install(app, auth)
    async with app.router.lifespan_context(app), talking_to(app) as client:
        await client.post("/auth/signup", json=CREDENTIALS)
        wrong = CREDENTIALS | {"password": "wrong"}
        for _ in range(10):
            refused = await client.post(
                "/auth/login", json=wrong, headers={"X-Tokenpair": "cookie"}
            )
            assert refused.status_code == 403
        await log_in(client)


async def test_a_cookie_that_browsers_would_drop_is_never_issued(keyring: Keyring) -> None:
    """V3.3.5."""
    app = FastAPI()
    auth = Auth(
        storage=MemoryStorage(),
        keyring=keyring,
        issuer="https://" + "a" * 2000,
        edge=Edge(cookies=True),
        passwords=Argon2Passwords(CHEAP),
    )
    install(app, auth)
    async with app.router.lifespan_context(app), talking_to(app) as client:
        await client.post("/auth/signup", json=CREDENTIALS)

        with pytest.raises(ConfigurationError, match="shorter issuer"):
            await client.post("/auth/login", json=CREDENTIALS, headers=OURS)


@pytest.mark.usefixtures("ada")
async def test_reauthentication_works_beside_the_cookie(
    client: httpx2.AsyncClient, clock: FakeClock
) -> None:
    token, access_token = await log_in(client)

    answer = await client.post(
        "/auth/reauthenticate",
        json={"password": PASSWORD},
        headers=sent(bearer(access_token), token),
    )

    assert answer.status_code == 200
    assert "set-cookie" not in answer.headers
    clock.advance(minutes=5)
    assert (await present(client, "refresh_token", token)).status_code == 200


@on_both_storages
@pytest.mark.usefixtures("ada")
async def test_the_loser_of_a_race_never_clears_the_cookie_of_the_winner(
    client: httpx2.AsyncClient, clock: FakeClock
) -> None:
    """R4."""
    first, _ = await log_in(client)
    clock.advance(minutes=5)
    answers = await asyncio.gather(
        *(present(client, "refresh_token", first) for _ in range(10)),
    )
    children = {read_cookie(each)[0] for each in answers}
    assert len(children) == 1
    (second,) = children
    clock.advance(minutes=5)
    winner = await present(client, "refresh_token", second)
    third, _ = read_cookie(winner)

    # A late copy of an older request: its answer comes after the winner's.
    loser = await present(client, "refresh_token", first)
    held = await present(client, "refresh_token", third)

    assert told(loser) == (409, "token_superseded")
    assert "set-cookie" not in loser.headers
    assert held.status_code == 200
    assert "set-cookie" not in held.headers  # The browser may have a newer one by now.
    clock.advance(minutes=5)
    assert (await present(client, "refresh_token", third)).status_code == 200


async def test_two_auths_with_cookies_of_their_own_live_in_one_app() -> None:
    app = FastAPI()
    auths = [make_auth(edge=Edge(cookies=True)) for _ in range(2)]
    install(app, auths[0], prefix="/auth")
    with pytest.raises(ConfigurationError, match="cookie_name"):
        install(app, auths[1], prefix="/demo")
    install(app, auths[1], prefix="/demo", cookie_name="__Host-demo")

    async with app.router.lifespan_context(app), talking_to(app) as client:
        for auth, prefix in zip(auths, ("auth", "demo"), strict=True):
            await auth.sign_up(email=CREDENTIALS["email"], password=PASSWORD)
            await client.post(f"/{prefix}/login", json=CREDENTIALS, headers=OURS)
        assert set(client.cookies) == {NAME, "__Host-demo"}

        assert (await client.post("/demo/logout", headers=OURS)).status_code == 204
        assert set(client.cookies) == {NAME}
        ours = await client.post("/auth/refresh_token", headers=OURS)
        demo = await client.post("/demo/refresh_token", headers=OURS)

    assert ours.status_code == 200
    assert told(demo) == (401, "not_authenticated")


@pytest.mark.parametrize("name", ["tokenpair", "__Secure-a", "__Host-", "__Host-a b", "__host-a"])
def test_a_cookie_name_without_protection_is_refused(name: str) -> None:
    """V3.3.3."""
    with pytest.raises(ConfigurationError, match="__Host-"):
        install(FastAPI(), make_auth(edge=Edge(cookies=True)), cookie_name=name)


def test_origins_that_no_browser_sends_are_refused() -> None:
    for origin in ("*", "https://a.test/", "https://A.test", "https://a.test:443", "a.test"):
        with pytest.raises(ConfigurationError, match="origin"):
            Edge(cookies=True, origins=frozenset({origin}))


async def test_without_cookie_mode_the_cookie_means_nothing() -> None:
    app, auth = FastAPI(), make_auth()
    install(app, auth)
    async with app.router.lifespan_context(app), talking_to(app) as client:
        await auth.sign_up(email=CREDENTIALS["email"], password=PASSWORD)
        answer = await client.post("/auth/login", json=CREDENTIALS, headers=OURS)
        token = answer.json()["refresh_token"]
        by_cookie = await present(client, "refresh_token", token)
        beside = await client.post("/auth/refresh_token", headers=sent(bearer(token), token))

    assert "set-cookie" not in answer.headers
    assert told(by_cookie) == (401, "not_authenticated")
    assert beside.status_code == 200


def test_openapi_describes_the_cookie() -> None:
    app = FastAPI()
    install(app, make_auth(edge=Edge(cookies=True)))
    document = app.openapi()
    paths, schemes = document["paths"], document["components"]["securitySchemes"]

    scheme = schemes["RefreshTokenCookie"]
    assert (scheme["type"], scheme["in"], scheme["name"]) == ("apiKey", "cookie", NAME)
    for path in ("/auth/refresh_token", "/auth/logout"):
        assert {"RefreshTokenCookie": []} in paths[path]["post"]["security"]
        assert {"400", "403"} <= paths[path]["post"]["responses"].keys()
    for path in ("/auth/refresh_token", "/auth/logout", "/auth/login"):
        (parameter,) = paths[path]["post"]["parameters"]
        assert (parameter["name"], parameter["in"]) == ("X-Tokenpair", "header")
    assert {"RefreshTokenCookie": []} not in paths["/auth/refresh_token"]["get"]["security"]
    body = document["components"]["schemas"]["PairOrCookie"]
    assert "refresh_token" not in body["required"]


def test_starlettes_client_keeps_the_cookie_on_https() -> None:
    app = FastAPI()
    install(app, make_auth(edge=Edge(cookies=True)))

    with TestClient(app, base_url="https://testserver", headers=OURS) as client:
        client.post("/auth/signup", json=CREDENTIALS)
        client.post("/auth/login", json=CREDENTIALS)
        renewed = client.post("/auth/refresh_token")
        client.post("/auth/logout")

    assert "refresh_token" not in renewed.json()
    assert not client.cookies
