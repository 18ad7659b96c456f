import json

import httpx2
import pytest

from tests.http.conftest import (
    CLIENT_ADDRESS,
    bearer,
    is_live,
    on_both_storages,
    renew,
    says_invalid_token,
    told,
)
from tokenpair import Auth, TokenPair, User
from tokenpair.core.tokens.encoding import from_base64url
from tokenpair.testing import PASSWORD, a_user

pytestmark = on_both_storages

CREDENTIALS = {"email": "ada@example.com", "password": PASSWORD}


@pytest.mark.usefixtures("ada")
@pytest.mark.parametrize("path", ["/auth/login", "/auth/login/"])
async def test_an_address_and_its_password_open_a_session(
    client: httpx2.AsyncClient, path: str
) -> None:
    response = await client.post(path, json=CREDENTIALS)

    assert response.status_code == 200
    assert response.headers["cache-control"] == "no-store"
    pair = response.json()
    assert pair.keys() == {
        "access_token",
        "refresh_token",
        "token_type",
        "expires_in",
        "refresh_expires_in",
    }
    assert pair["token_type"] == "Bearer"
    assert (pair["expires_in"], pair["refresh_expires_in"]) == (600, 7 * 24 * 3600)
    assert await is_live(client, pair["access_token"])
    assert (await renew(client, pair["refresh_token"])).status_code == 200


@pytest.mark.usefixtures("ada")
async def test_the_tokens_say_what_they_are_and_contain_no_address(
    client: httpx2.AsyncClient,
) -> None:
    """V7.2.2."""
    pair = (await client.post("/auth/login", json=CREDENTIALS)).json()

    access, refresh = [
        [json.loads(from_base64url(part)) for part in pair[name].split(".")[:2]]
        for name in ("access_token", "refresh_token")
    ]

    assert access[0].keys() == refresh[0].keys() == {"alg", "kid", "typ"}
    assert (access[0]["typ"], access[0]["alg"]) == ("at+jwt", "ES256")
    assert (refresh[0]["typ"], refresh[0]["alg"]) == ("rt+jwt", "HS256")
    assert access[1].keys() == {
        "iss", "aud", "client_id", "sub", "sid", "jti", "iat", "exp", "roles", "ver", "auth_time",
        "amr", "email_verified",
    }  # fmt: skip
    assert refresh[1].keys() == {
        "iss", "aud", "sub", "sid", "jti", "iat", "exp", "parent", "gen", "secret",
    }  # fmt: skip
    assert "example.com" not in json.dumps([access, refresh])


@pytest.mark.usefixtures("ada")
async def test_access_tokens_say_how_the_user_authenticated(
    client: httpx2.AsyncClient, auth: Auth
) -> None:
    first = (await client.post("/auth/login", json=CREDENTIALS)).json()
    second = (await renew(client, first["refresh_token"])).json()

    for pair in (first, second):
        payload = json.loads(from_base64url(pair["access_token"].split(".")[1]))
        assert payload["amr"] == ["pwd"]
        assert (await auth.verify_access(pair["access_token"])).amr == {"pwd"}


@pytest.mark.usefixtures("ada")
@pytest.mark.parametrize("address", ["ADA@example.com", "ada@EXAMPLE.COM"])
async def test_the_case_of_an_address_does_not_matter(
    client: httpx2.AsyncClient, address: str
) -> None:
    response = await client.post("/auth/login", json=CREDENTIALS | {"email": address})

    assert response.status_code == 200


async def test_every_refusal_has_the_same_bytes(client: httpx2.AsyncClient, auth: Auth) -> None:
    """A11."""
    await a_user(auth)
    await auth.disable((await a_user(auth, "disabled@example.com")).id)
    tries = {
        "wrong password": CREDENTIALS | {"password": "wrong"},
        "empty password": CREDENTIALS | {"password": ""},
        "password in another case": CREDENTIALS | {"password": PASSWORD.upper()},
        "password with a space": CREDENTIALS | {"password": PASSWORD + " "},
        "unknown address": CREDENTIALS | {"email": "nobody@example.com"},
        "not an address": CREDENTIALS | {"email": "ada"},
        "empty address": CREDENTIALS | {"email": ""},
        "disabled": CREDENTIALS | {"email": "disabled@example.com"},
    }

    answers = [await client.post("/auth/login", json=body) for body in tries.values()]

    assert {told(answer) for answer in answers} == {(401, "invalid_credentials")}
    assert len({(answer.content, str(sorted(answer.headers.items()))) for answer in answers}) == 1
    assert not any(says_invalid_token(answer) for answer in answers)


async def test_a_log_in_does_not_end_the_sessions_of_other_devices(
    client: httpx2.AsyncClient, pair: TokenPair
) -> None:
    """V7.2.4."""
    response = await client.post("/auth/login", json=CREDENTIALS)

    assert response.json()["access_token"] != pair.access_token
    assert await is_live(client, pair.access_token)


async def test_a_bearer_token_at_log_in_means_nothing(
    client: httpx2.AsyncClient, pair: TokenPair
) -> None:
    answers = [
        await client.post(
            "/auth/login",
            json=CREDENTIALS | {"password": password},
            headers=bearer(pair.access_token),
        )
        for password in (PASSWORD, "wrong")
    ]

    assert answers[0].status_code == 200
    assert told(answers[1]) == (401, "invalid_credentials")
    assert not says_invalid_token(answers[1])


async def test_the_session_remembers_its_device(
    client: httpx2.AsyncClient, auth: Auth, ada: User
) -> None:
    await client.post("/auth/login", json=CREDENTIALS, headers={"User-Agent": "Firefox"})

    session = (await auth.list_sessions(ada.id))[0]

    assert (session.user_agent, session.ip) == ("Firefox", CLIENT_ADDRESS)


@pytest.mark.usefixtures("ada")
@pytest.mark.parametrize("field", CREDENTIALS)
async def test_a_required_field_is_required(client: httpx2.AsyncClient, field: str) -> None:
    body = {name: value for name, value in CREDENTIALS.items() if name != field}

    response = await client.post("/auth/login", json=body)

    assert told(response) == (422, "invalid_input")
    assert response.json()["errors"] == [{"field": field, "reason": "is required"}]
