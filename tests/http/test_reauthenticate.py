"""The password again, over HTTP: an access token that opens what needs a recent log-in."""

from datetime import timedelta

import httpx2
import pytest
from fastapi import FastAPI

from tests.http.conftest import bearer, on_both_storages, renew, talking_to, told
from tokenpair import Auth, TokenPair
from tokenpair.fastapi import RecentLogin, install
from tokenpair.ports import Storage
from tokenpair.testing import PASSWORD, FakeClock, a_user, login_as, make_auth

HOUR = timedelta(hours=1)


@pytest.fixture
def app(auth: Auth) -> FastAPI:
    app = FastAPI()
    install(app, auth)

    @app.get("/payout")
    async def payout(token: RecentLogin) -> str:
        return str(token.subject)

    return app


async def reauthenticate(
    client: httpx2.AsyncClient, token: str, password: str = PASSWORD
) -> httpx2.Response:
    return await client.post(
        "/auth/reauthenticate", headers=bearer(token), json={"password": password}
    )


@on_both_storages
async def test_after_the_password_the_endpoint_opens(
    client: httpx2.AsyncClient, clock: FakeClock, pair: TokenPair
) -> None:
    clock.advance(HOUR)
    renewed = (await renew(client, pair.refresh_token)).json()

    refused = await client.get("/payout", headers=bearer(renewed["access_token"]))
    answer = await reauthenticate(client, renewed["access_token"])
    opened = await client.get("/payout", headers=bearer(answer.json()["access_token"]))

    assert told(refused) == (401, "reauthentication_required")
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    body = answer.json()
    assert body == {"access_token": body["access_token"], "token_type": "Bearer", "expires_in": 600}
    assert opened.status_code == 200


async def test_renewed_tokens_open_it_too_and_the_old_access_token_does_not(
    client: httpx2.AsyncClient, clock: FakeClock, pair: TokenPair
) -> None:
    clock.advance(timedelta(minutes=6))
    await reauthenticate(client, pair.access_token)

    renewed = (await renew(client, pair.refresh_token)).json()
    with_new = await client.get("/payout", headers=bearer(renewed["access_token"]))
    with_old = await client.get("/payout", headers=bearer(pair.access_token))

    assert with_new.status_code == 200
    assert told(with_old) == (401, "reauthentication_required")


async def test_a_wrong_password_is_a_403(client: httpx2.AsyncClient, pair: TokenPair) -> None:
    response = await reauthenticate(client, pair.access_token, "wrong")

    assert told(response) == (403, "wrong_password")


async def test_a_refresh_token_or_none_does_not_reauthenticate(
    client: httpx2.AsyncClient, pair: TokenPair
) -> None:
    refresh = await reauthenticate(client, pair.refresh_token)
    none = await client.post("/auth/reauthenticate", json={"password": PASSWORD})

    assert told(refresh) == (401, "access_token_required")
    assert told(none) == (401, "not_authenticated")


async def test_after_the_log_out_the_password_revives_nothing(
    client: httpx2.AsyncClient, auth: Auth, pair: TokenPair
) -> None:
    """R18."""
    await auth.log_out(pair.access_token)

    assert told(await reauthenticate(client, pair.access_token)) == (401, "session_ended")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"password": None},
        {"password": 1},
        {"password": "a\0b"},
        {"password": "x" * 100_000},
        {"password": PASSWORD, "email": "ada@example.com"},
    ],
    ids=["empty", "null", "number", "nul", "long", "unknown field"],
)
async def test_a_body_of_another_form_is_refused_without_an_echo(
    client: httpx2.AsyncClient, pair: TokenPair, body: dict[str, object]
) -> None:
    response = await client.post(
        "/auth/reauthenticate", headers=bearer(pair.access_token), json=body
    )

    assert response.status_code in {413, 422}
    assert PASSWORD not in response.text
    assert "xxx" not in response.text


async def test_a_lone_surrogate_is_no_crash(client: httpx2.AsyncClient, pair: TokenPair) -> None:
    response = await client.post(
        "/auth/reauthenticate",
        headers={**bearer(pair.access_token), "Content-Type": "application/json"},
        content=b'{"password": "\\ud800"}',
    )

    assert told(response) == (422, "invalid_input")


@on_both_storages
async def test_guesses_of_the_password_are_limited(storage: Storage) -> None:
    auth, app = make_auth(storage=storage, limits=True), FastAPI()
    install(app, auth)

    async with auth, talking_to(app) as client:
        pair = await login_as(auth, await a_user(auth))
        guesses = [await reauthenticate(client, pair.access_token, "wrong") for _ in range(5)]
        response = await reauthenticate(client, pair.access_token)

    assert [told(each) for each in guesses] == [(403, "wrong_password")] * 5
    assert told(response) == (429, "too_many_requests")
    assert int(response.headers["retry-after"]) > 0
