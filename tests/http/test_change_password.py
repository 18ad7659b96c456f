"""Users change their password."""

import httpx2
import pytest

from tests.http.conftest import bearer, is_live, on_both_storages, renew, told
from tokenpair import Auth, TokenPair, User
from tokenpair.testing import PASSWORD, login_as

pytestmark = on_both_storages

NEW = "purple elephants dance on marbles"
BODY = {"current_password": PASSWORD, "new_password": NEW}


async def change(client: httpx2.AsyncClient, pair: TokenPair, body: object) -> httpx2.Response:
    return await client.post("/auth/password/change", json=body, headers=bearer(pair.access_token))


async def log_in(client: httpx2.AsyncClient, password: str) -> int:
    body = {"email": "ada@example.com", "password": password}
    return (await client.post("/auth/login", json=body)).status_code


async def test_a_change_ends_the_other_sessions_and_keeps_its_own(
    client: httpx2.AsyncClient, auth: Auth, ada: User, pair: TokenPair
) -> None:
    """R15, V7.4.3: no token of another device works afterwards."""
    other = await login_as(auth, ada)

    response = await change(client, pair, BODY)

    assert (response.status_code, response.content) == (204, b"")
    assert response.headers["cache-control"] == "no-store"
    assert await is_live(client, pair.access_token)
    assert (await renew(client, pair.refresh_token)).status_code == 200
    assert not await is_live(client, other.access_token)
    assert told(await renew(client, other.refresh_token)) == (401, "session_ended")
    assert (await log_in(client, PASSWORD), await log_in(client, NEW)) == (401, 200)


async def test_a_wrong_password_changes_nothing(
    client: httpx2.AsyncClient, pair: TokenPair
) -> None:
    """V6.2.3."""
    refused = await change(client, pair, BODY | {"current_password": "wrong"})

    assert told(refused) == (403, "wrong_password")
    assert await log_in(client, PASSWORD) == 200


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        pytest.param({"new_password": "short"}, "new_password", id="too-short"),
        pytest.param({"new_password": "ada@example.com.."}, "new_password", id="address"),
        pytest.param({"new_password": "x" * 1025}, "new_password", id="too-long"),
        pytest.param({"new_password": f"{NEW}\0"}, "new_password", id="nul"),
        pytest.param({"new_password": None}, "new_password", id="null"),
        pytest.param({"current_password": None}, "current_password", id="no-current"),
        pytest.param({"current_password": [PASSWORD]}, "current_password", id="a-list"),
        pytest.param({"email": "eve@example.com"}, "email", id="unknown-field"),
    ],
)
async def test_an_invalid_body_changes_nothing(
    client: httpx2.AsyncClient, pair: TokenPair, changes: dict[str, object], field: str
) -> None:
    refused = await change(client, pair, BODY | changes)

    assert told(refused) == (422, "invalid_input")
    assert [each["field"] for each in refused.json()["errors"]] == [field]
    assert PASSWORD not in refused.text
    assert await log_in(client, PASSWORD) == 200
