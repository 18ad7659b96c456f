"""The course's walk, step by step, through a running server.

Each step is a test of its own: its fixtures do the steps before it.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2
import pytest
from fastapi import Depends, FastAPI
from starlette.testclient import TestClient

from tests.bookly.running import Running, running_bookly
from tokenpair.errors import ExpiredToken
from tokenpair.fastapi import TokenBearer, install
from tokenpair.testing import FakeClock, a_user, login_as, make_auth

AUTH = "/api/v1/auth"
PASSWORD = "correct horse battery staple"
BOOK = {
    "title": "Notes",
    "author": "Ada Lovelace",
    "publisher": "Taylor",
    "published_date": "1843-09-01",
    "page_count": 66,
    "language": "en",
}

Json = dict[str, Any]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running_bookly(tmp_path_factory.mktemp("bookly")) as running:
        yield running


@pytest.fixture
def client(server: Running) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=server.url) as client:
        yield client


@pytest.fixture
def credentials(client: httpx2.Client) -> Json:
    """Sign up a new user."""
    credentials = {"email": f"reader-{uuid4()}@example.com", "password": PASSWORD}
    assert client.post(f"{AUTH}/signup", json=credentials).status_code == 201
    return credentials


@pytest.fixture
def pair(client: httpx2.Client, credentials: Json) -> Json:
    """Log in."""
    answer: Json = client.post(f"{AUTH}/login", json=credentials).json()
    return answer


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def problem(answer: httpx2.Response) -> tuple[int, str, str]:
    """Return the code of a refusal; it must be a problem, with a challenge if it is a 401."""
    assert answer.headers["content-type"] == "application/problem+json"
    if answer.status_code == 401:
        assert answer.headers["www-authenticate"].startswith('Bearer realm="')
    body = answer.json()
    return answer.status_code, body["code"], body["detail"]


def expired(server: Running, token: str) -> str:
    """Make the same token, expired: signed by the server's key, as if a client had kept it."""
    codec = server.codec()
    claims = codec.decode(token)
    past = datetime.now(UTC) - timedelta(seconds=1)
    return codec.encode(replace(claims, issued_at=past - timedelta(days=1), expires_at=past))


def test_step_1_sign_up(client: httpx2.Client) -> None:
    email = f"ada-{uuid4()}@example.com"
    body = {"email": email, "password": PASSWORD, "username": "ada", "first_name": "Ada"}

    answer = client.post(f"{AUTH}/signup", json=body)

    assert answer.status_code == 201
    user = answer.json()
    assert user["email"] == email
    assert (user["username"], user["first_name"], user["last_name"]) == ("ada", "Ada", None)
    assert PASSWORD not in answer.text


def test_step_2_log_in_and_receive_a_pair(
    client: httpx2.Client, server: Running, credentials: Json
) -> None:
    answer = client.post(f"{AUTH}/login", json=credentials)

    assert answer.status_code == 200
    pair = answer.json()
    access = server.codec().decode_access(pair["access_token"])
    refresh = server.codec().decode_refresh(pair["refresh_token"])
    assert access.expires_at - access.issued_at == timedelta(minutes=10)
    assert refresh.expires_at - refresh.issued_at == timedelta(days=7)
    assert (pair["expires_in"], pair["refresh_expires_in"]) == (600, 604800)
    assert pair["token_type"] == "Bearer"


def test_step_3_the_access_token_opens_the_books(client: httpx2.Client, pair: Json) -> None:
    answer = client.get("/api/v1/books/", headers=bearer(pair["access_token"]))

    assert answer.status_code == 200
    # The steps share one server and run in any order: there may be books already.
    assert answer.json().keys() == {"items", "next"}


def test_step_4_the_refresh_token_does_not_open_the_books(
    client: httpx2.Client, pair: Json
) -> None:
    answer = client.get("/api/v1/books/", headers=bearer(pair["refresh_token"]))

    assert problem(answer) == (
        401,
        "access_token_required",
        "Please provide a valid access token",
    )


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_step_5_renewal_without_a_header_is_not_authenticated(
    client: httpx2.Client, method: str
) -> None:
    answer = client.request(method, f"{AUTH}/refresh_token")

    assert problem(answer) == (401, "not_authenticated", "Not authenticated")


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_step_6_renewal_with_the_access_token_is_refused(
    client: httpx2.Client, pair: Json, method: str
) -> None:
    answer = client.request(method, f"{AUTH}/refresh_token", headers=bearer(pair["access_token"]))

    assert problem(answer) == (
        401,
        "refresh_token_required",
        "Please provide a valid refresh token",
    )


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_step_7_renewal_with_the_refresh_token_gives_a_new_access_token(
    client: httpx2.Client, pair: Json, method: str
) -> None:
    answer = client.request(method, f"{AUTH}/refresh_token", headers=bearer(pair["refresh_token"]))

    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    assert answer.json()["access_token"] != pair["access_token"]


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_step_8_a_refresh_token_without_its_first_letter_is_refused(
    client: httpx2.Client, pair: Json, method: str
) -> None:
    answer = client.request(
        method, f"{AUTH}/refresh_token", headers=bearer(pair["refresh_token"][1:])
    )

    assert problem(answer)[:2] == (401, "token_invalid")


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_step_9_an_expired_refresh_token_is_refused(
    client: httpx2.Client, server: Running, pair: Json, method: str
) -> None:
    answer = client.request(
        method,
        f"{AUTH}/refresh_token",
        headers=bearer(expired(server, pair["refresh_token"])),
    )

    assert problem(answer)[:2] == (401, "token_expired")


def test_step_10_the_new_access_token_opens_the_books(client: httpx2.Client, pair: Json) -> None:
    renewed = client.get(f"{AUTH}/refresh_token", headers=bearer(pair["refresh_token"])).json()

    made = client.post("/api/v1/books/", json=BOOK, headers=bearer(renewed["access_token"]))

    assert made.status_code == 201
    seen = client.get(f"/api/v1/books/{made.json()['id']}", headers=bearer(renewed["access_token"]))
    assert seen.json()["title"] == "Notes"


def test_step_11_a_bearer_without_the_hook_raises_not_implemented_error() -> None:
    class Forgetful(TokenBearer):
        """Without the hook."""

    app = FastAPI()
    auth = make_auth()
    install(app, auth)

    @app.get("/books", dependencies=[Depends(Forgetful())])
    def books() -> None:
        raise AssertionError("no request may get here")

    with TestClient(app) as client:
        body = {"email": "ada@example.com", "password": PASSWORD}
        client.post("/auth/signup", json=body)
        pair = client.post("/auth/login", json=body).json()

        with pytest.raises(NotImplementedError, match="verify_token_data"):
            client.get("/books", headers=bearer(pair["access_token"]))


def test_step_12_an_expired_access_token_opens_nothing_and_after_renewal_everything(
    client: httpx2.Client, server: Running, pair: Json
) -> None:
    old = bearer(expired(server, pair["access_token"]))
    refused = [client.get(path, headers=old) for path in ("/api/v1/books", f"{AUTH}/me")]

    renewed = client.post(f"{AUTH}/refresh_token", headers=bearer(pair["refresh_token"])).json()

    assert [problem(answer)[:2] for answer in refused] == [(401, "token_expired")] * 2
    new = bearer(renewed["access_token"])
    opened = [client.get(path, headers=new) for path in ("/api/v1/books", f"{AUTH}/me")]
    assert [answer.status_code for answer in opened] == [200, 200]


def test_a_client_that_never_rotates_goes_on_renewing(client: httpx2.Client, pair: Json) -> None:
    """It reads only `access_token`, and keeps its first refresh token: the course's own."""
    for _ in range(5):
        renewed = client.get(f"{AUTH}/refresh_token", headers=bearer(pair["refresh_token"]))

        assert renewed.status_code == 200
        opened = client.get("/api/v1/books/", headers=bearer(renewed.json()["access_token"]))
        assert opened.status_code == 200


async def test_a_client_that_never_rotates_renews_until_its_tokens_own_expiry() -> None:
    clock = FakeClock()
    auth = make_auth(clock=clock)
    first = await login_as(auth, await a_user(auth))
    born = clock.now

    while clock.now + timedelta(hours=5) < born + timedelta(days=7):
        clock.advance(hours=5)
        await auth.verify_access((await auth.renew(first.refresh_token)).access_token)

    clock.now = born + timedelta(days=7)
    with pytest.raises(ExpiredToken):
        await auth.renew(first.refresh_token)


def test_bookly_makes_its_data_for_its_owner_alone(server: Running) -> None:
    made = {path.name for path in Path(server.data_dir).iterdir()}

    assert {"keys.json", "tokenpair.db"} <= made
    assert (server.data_dir / "keys.json").stat().st_mode & 0o777 == 0o600
