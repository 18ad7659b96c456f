"""Users delete their account, and get a copy of what it holds."""

from datetime import timedelta
from uuid import UUID

import httpx2
import pytest

from tests.http.conftest import bearer, is_live, on_both_storages, renew, told
from tokenpair import Auth, TokenPair, User
from tokenpair.core.accounts.export import EXPORTED
from tokenpair.testing import PASSWORD, FakeClock, login_as

pytestmark = on_both_storages

RECENT = timedelta(minutes=5)


async def delete(
    client: httpx2.AsyncClient, pair: TokenPair, body: object = None
) -> httpx2.Response:
    return await client.request("DELETE", "/auth/me", headers=bearer(pair.access_token), json=body)


async def export(client: httpx2.AsyncClient, pair: TokenPair) -> httpx2.Response:
    return await client.get("/auth/me/export", headers=bearer(pair.access_token))


@pytest.mark.parametrize("body", [{"password": PASSWORD}, None], ids=["password", "recent"])
async def test_a_deleted_users_tokens_are_refused_at_once(
    client: httpx2.AsyncClient, auth: Auth, ada: User, pair: TokenPair, body: object
) -> None:
    """R16, V7.4.2: of every session, and also where the row is asked."""
    other = await login_as(auth, ada)

    response = await delete(client, pair, body)

    assert (response.status_code, response.content) == (204, b"")
    for each in (pair, other):
        me = await client.get("/auth/me", headers=bearer(each.access_token))
        assert told(me) == (401, "session_ended")
        assert told(await renew(client, each.refresh_token)) == (401, "session_ended")
        assert told(await delete(client, each)) == (401, "session_ended")
        assert told(await export(client, each)) == (401, "session_ended")
    log_in = {"email": "ada@example.com", "password": PASSWORD}
    refused = await client.post("/auth/login", json=log_in)
    assert told(refused) == (401, "invalid_credentials")


async def test_a_deleted_users_address_can_sign_up_again(
    client: httpx2.AsyncClient, ada: User, pair: TokenPair
) -> None:
    """R16: the old tokens are not those of the new account."""
    await delete(client, pair)
    credentials = {"email": "ada@example.com", "password": PASSWORD}

    again = await client.post("/auth/signup", json=credentials)

    assert again.status_code == 201
    assert again.json()["id"] != str(ada.id)
    assert not await is_live(client, pair.access_token)
    assert told(await renew(client, pair.refresh_token)) == (401, "session_ended")
    assert (await client.post("/auth/login", json=credentials)).status_code == 200


async def test_after_five_minutes_the_password_is_needed(
    client: httpx2.AsyncClient, pair: TokenPair, clock: FakeClock
) -> None:
    clock.advance(RECENT + timedelta(seconds=1))

    refused = await delete(client, pair)
    accepted = await delete(client, pair, {"password": PASSWORD})

    assert told(refused) == (401, "reauthentication_required")
    assert 'error="insufficient_user_authentication"' in refused.headers["www-authenticate"]
    assert 'max_age="300"' in refused.headers["www-authenticate"]
    assert accepted.status_code == 204


async def test_a_wrong_password_deletes_nothing_even_after_a_recent_log_in(
    client: httpx2.AsyncClient, pair: TokenPair
) -> None:
    refused = await delete(client, pair, {"password": "wrong"})

    assert told(refused) == (403, "wrong_password")
    assert "wrong" not in refused.text.replace("wrong_password", "").replace("is wrong", "")
    assert await is_live(client, pair.access_token)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        pytest.param({}, "password", id="nothing"),
        pytest.param({"password": None}, "password", id="null"),
        pytest.param({"password": ["x"]}, "password", id="a-list"),
        pytest.param({"password": "x" * 1025}, "password", id="too-long"),
        pytest.param({"password": "\0"}, "password", id="nul"),
        pytest.param({"password": PASSWORD, "id": "1"}, "id", id="unknown-field"),
        pytest.param([], "body", id="a-list-of-nothing"),
        pytest.param(PASSWORD, "body", id="text"),
    ],
)
async def test_an_invalid_body_deletes_nothing(
    client: httpx2.AsyncClient, pair: TokenPair, body: object, field: str
) -> None:
    refused = await delete(client, pair, body)

    assert told(refused) == (422, "invalid_input")
    assert [each["field"] for each in refused.json()["errors"]] == [field]
    assert PASSWORD not in refused.text
    assert await is_live(client, pair.access_token)


async def test_an_export_holds_all_and_names_it(
    client: httpx2.AsyncClient, ada: User, pair: TokenPair, clock: FakeClock
) -> None:
    response = await export(client, pair)

    body = response.json()
    assert response.status_code == 200
    assert response.headers["cache-control"] == "no-store"
    assert body["exported_at"] == clock().isoformat().replace("+00:00", "Z")
    assert body["contents"] == {name: list(columns) for name, columns in EXPORTED.items()}
    (account,) = body["data"]["tokenpair_user"]
    (session,) = body["data"]["tokenpair_session"]
    assert (account["id"], account["email"]) == (str(ada.id), "ada@example.com")
    assert account["profile"] == {"nickname": "Ada"}
    assert account["created_at"] == clock().isoformat().replace("+00:00", "Z")
    assert UUID(session["id"])
    assert session["amr"] == ["pwd"]


async def test_an_export_has_no_hash_and_no_token(
    client: httpx2.AsyncClient, pair: TokenPair, password_hash: str
) -> None:
    text = (await export(client, pair)).text

    for secret in (password_hash, "$argon2", pair.access_token, pair.refresh_token):
        assert secret not in text


async def test_an_export_looks_at_the_row_of_the_session(
    client: httpx2.AsyncClient, auth: Auth, ada: User, pair: TokenPair
) -> None:
    """At another worker, which has not heard of the end."""
    async with auth.storage.begin() as tx:
        await tx.users.set_disabled(ada.id, auth.clock())

    assert told(await export(client, pair)) == (401, "session_ended")


async def test_an_export_needs_a_recent_log_in(
    client: httpx2.AsyncClient, pair: TokenPair, clock: FakeClock
) -> None:
    clock.advance(RECENT)
    in_time = await export(client, pair)
    clock.advance(seconds=1)
    late = await export(client, pair)

    assert in_time.status_code == 200
    assert told(late) == (401, "reauthentication_required")
