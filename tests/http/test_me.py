"""GET and PATCH /me with an app's profile, and the Authorization header of every endpoint."""

from datetime import date
from typing import Annotated

import httpx2
import pytest
from fastapi import FastAPI
from pydantic import Field

from tests.http.conftest import bearer, on_both_storages, says_invalid_token, talking_to, told
from tokenpair import Auth, TokenPair, User
from tokenpair.errors import ConfigurationError
from tokenpair.fastapi import Profile, Text, install
from tokenpair.testing import PASSWORD, FakeClock

pytestmark = on_both_storages


class Reader(Profile):
    """A profile with a required field and optional ones."""

    nickname: Annotated[Text, Field(min_length=2, max_length=20)]
    shelf: int | None = None
    born: date | None = None


@pytest.fixture
def app(auth: Auth) -> FastAPI:
    app = FastAPI()
    install(app, auth, profile=Reader)
    return app


async def change(
    client: httpx2.AsyncClient, pair: TokenPair, body: dict[str, object]
) -> httpx2.Response:
    return await client.patch("/auth/me", json=body, headers=bearer(pair.access_token))


@pytest.mark.parametrize("path", ["/auth/me", "/auth/me/"])
async def test_a_user_reads_their_own_account(
    client: httpx2.AsyncClient, clock: FakeClock, ada: User, pair: TokenPair, path: str
) -> None:
    response = await client.get(path, headers=bearer(pair.access_token))

    assert response.status_code == 200
    assert response.headers["cache-control"] == "no-store"
    assert response.json() == {
        "id": str(ada.id),
        "email": "ada@example.com",
        "email_verified": False,
        "roles": [],
        "created_at": clock().isoformat().replace("+00:00", "Z"),
        "nickname": "Ada",
        "shelf": None,
        "born": None,
    }


async def test_a_change_of_some_fields_keeps_the_others(
    client: httpx2.AsyncClient, pair: TokenPair
) -> None:
    first = await change(client, pair, {"shelf": 7, "born": "1815-12-10"})
    second = await change(client, pair, {"nickname": "Countess"})
    seen = await client.get("/auth/me", headers=bearer(pair.access_token))

    assert (first.status_code, second.status_code) == (200, 200)
    assert first.headers["cache-control"] == "no-store"
    assert second.json() == seen.json()
    assert seen.json()["nickname"] == "Countess"
    assert (seen.json()["shelf"], seen.json()["born"]) == (7, "1815-12-10")


async def test_a_change_reads_the_rows_and_not_this_workers_copy(
    client: httpx2.AsyncClient, auth: Auth, ada: User, pair: TokenPair
) -> None:
    async with auth.storage.begin() as tx:  # At another worker, before this one knows.
        await tx.users.set_disabled(ada.id, auth.clock())

    response = await change(client, pair, {"nickname": "Eve"})

    assert told(response) == (401, "session_ended")
    assert (await auth.get_user(ada.id)).profile == ada.profile


async def test_an_optional_field_can_be_emptied(
    client: httpx2.AsyncClient, pair: TokenPair
) -> None:
    await change(client, pair, {"shelf": 7})

    response = await change(client, pair, {"shelf": None})

    assert response.json()["shelf"] is None


async def test_a_change_of_no_field_succeeds(client: httpx2.AsyncClient, pair: TokenPair) -> None:
    response = await change(client, pair, {})

    assert response.status_code == 200
    assert response.json()["nickname"] == "Ada"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        pytest.param({"nickname": None}, "nickname", id="required_to_null"),
        pytest.param({"nickname": "A"}, "nickname", id="too_short"),
        pytest.param({"nickname": "\0\0"}, "nickname", id="nul"),
        pytest.param({"shelf": "high"}, "shelf", id="wrong_type"),
        pytest.param({"roles": ["admin"]}, "roles", id="roles"),
        pytest.param({"id": "1"}, "id", id="id"),
        pytest.param({"email": "eve@example.com"}, "email", id="email"),
        pytest.param({"email_verified": True}, "email_verified", id="email_verified"),
        pytest.param({"password": PASSWORD}, "password", id="password"),
        pytest.param({"created_at": "2000-01-01T00:00:00Z"}, "created_at", id="created_at"),
        pytest.param({"version": 9}, "version", id="version"),
    ],
)
async def test_an_invalid_change_changes_nothing(
    client: httpx2.AsyncClient, pair: TokenPair, body: dict[str, object], field: str
) -> None:
    response = await change(client, pair, body)

    assert told(response) == (422, "invalid_input")
    assert [error["field"] for error in response.json()["errors"]] == [field]
    seen = await client.get("/auth/me", headers=bearer(pair.access_token))
    assert seen.json()["nickname"] == "Ada"
    assert seen.json()["roles"] == []


@pytest.mark.parametrize(
    "name", ["id", "email", "email_verified", "roles", "created_at", "password"]
)
def test_a_profile_field_cannot_have_a_name_of_the_library(auth: Auth, name: str) -> None:
    clashing = type("Clashing", (Profile,), {"__annotations__": {name: Text}})

    with pytest.raises(ConfigurationError, match=name):
        install(FastAPI(), auth, profile=clashing)


async def test_a_field_that_the_app_has_removed_is_left_out(
    auth: Auth, pair: TokenPair, app: FastAPI
) -> None:
    slimmer = FastAPI()
    install(slimmer, auth)

    async with talking_to(slimmer) as client, talking_to(app) as old_client:
        slim = await client.get("/auth/me", headers=bearer(pair.access_token))
        full = await old_client.get("/auth/me", headers=bearer(pair.access_token))

    assert "nickname" not in slim.json()
    assert full.json()["nickname"] == "Ada"


async def test_an_account_older_than_a_required_field_is_shown_without_it(
    client: httpx2.AsyncClient, auth: Auth
) -> None:
    await auth.sign_up(email="old@example.com", password=PASSWORD)
    old = await auth.log_in(email="old@example.com", password=PASSWORD)

    response = await client.get("/auth/me", headers=bearer(old.access_token))

    assert response.status_code == 200
    assert "nickname" not in response.json()
    assert response.json()["shelf"] is None


# The Authorization header, which every endpoint reads in this way.


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER", "bEaReR", "Bearer  "])
async def test_the_scheme_may_be_written_in_any_case(
    client: httpx2.AsyncClient, pair: TokenPair, scheme: str
) -> None:
    response = await client.get(
        "/auth/me", headers={"Authorization": f"{scheme} {pair.access_token}"}
    )

    assert response.status_code == 200


async def test_two_headers_are_refused(client: httpx2.AsyncClient, pair: TokenPair) -> None:
    header = (b"authorization", f"Bearer {pair.access_token}".encode())

    response = await client.get("/auth/me", headers=[header, header])

    assert told(response) == (400, "invalid_request")
    assert "www-authenticate" not in response.headers


@pytest.mark.parametrize(
    "value", ["", "Bearer", "Bearer ", "Basic YTpi", "DPoP {token}", "{token}", "Token {token}"]
)
async def test_another_scheme_or_an_empty_token_counts_as_no_token(
    client: httpx2.AsyncClient, pair: TokenPair, value: str
) -> None:
    header = value.format(token=pair.access_token)

    response = await client.get("/auth/me", headers={"Authorization": header})

    assert told(response) == (401, "not_authenticated")
    assert response.json()["detail"] == "Not authenticated"
    assert response.headers["www-authenticate"] == 'Bearer realm="tokenpair"'


@pytest.mark.parametrize("name", ["access_token", "token", "authorization", "bearer"])
async def test_a_token_in_the_query_is_ignored(
    client: httpx2.AsyncClient, pair: TokenPair, name: str
) -> None:
    response = await client.get("/auth/me", params={name: pair.access_token})

    assert told(response) == (401, "not_authenticated")
    assert not says_invalid_token(response)
    assert pair.access_token not in response.text


async def test_a_token_in_a_form_is_ignored(client: httpx2.AsyncClient, pair: TokenPair) -> None:
    response = await client.post("/auth/logout", data={"access_token": pair.access_token})

    assert told(response) == (401, "not_authenticated")


async def test_a_token_of_more_than_eight_kilobytes_is_refused(client: httpx2.AsyncClient) -> None:
    response = await client.get("/auth/me", headers=bearer("a.b." + "c" * 8192))

    assert told(response) == (401, "token_invalid")
    assert says_invalid_token(response)
    assert "ccc" not in response.text
