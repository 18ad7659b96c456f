import httpx2
import pytest

from tests.http.conftest import (
    bearer,
    is_live,
    on_both_storages,
    renew,
    says_invalid_token,
    told,
)
from tokenpair import Auth, TokenPair, User
from tokenpair.testing import FakeClock, a_user, login_as

pytestmark = on_both_storages

either_token = pytest.mark.parametrize("name", ["access_token", "refresh_token"])


@either_token
@pytest.mark.parametrize("path", ["/auth/logout", "/auth/logout/"])
async def test_either_token_of_a_pair_ends_its_session(
    client: httpx2.AsyncClient, pair: TokenPair, name: str, path: str
) -> None:
    response = await client.post(path, headers=bearer(getattr(pair, name)))

    assert response.status_code == 204
    assert response.content == b""
    assert response.headers["cache-control"] == "no-store"
    assert told(await renew(client, pair.refresh_token)) == (401, "session_ended")
    as_access = await client.get("/auth/me", headers=bearer(pair.access_token))
    assert told(as_access) == (401, "session_ended")


async def test_log_out_ends_one_session_and_not_the_others(
    client: httpx2.AsyncClient, auth: Auth, ada: User, pair: TokenPair
) -> None:
    """V7.4.1."""
    other = await login_as(auth, ada)

    await client.post("/auth/logout", headers=bearer(pair.access_token))

    assert await is_live(client, other.access_token)


@either_token
async def test_a_second_log_out_succeeds(
    client: httpx2.AsyncClient, pair: TokenPair, name: str
) -> None:
    token = getattr(pair, name)
    await client.post("/auth/logout", headers=bearer(token))

    again = await client.post("/auth/logout", headers=bearer(token))

    assert again.status_code == 204


@either_token
async def test_an_expired_token_still_logs_out(
    client: httpx2.AsyncClient, clock: FakeClock, auth: Auth, pair: TokenPair, name: str
) -> None:
    owner = (await auth.verify_access(pair.access_token)).subject
    clock.advance(days=8)

    response = await client.post("/auth/logout", headers=bearer(getattr(pair, name)))

    assert response.status_code == 204
    assert await auth.list_sessions(owner) == []


async def test_an_older_refresh_token_of_the_line_logs_out_too(
    client: httpx2.AsyncClient, clock: FakeClock, pair: TokenPair
) -> None:
    child = (await renew(client, pair.refresh_token)).json()["refresh_token"]
    clock.advance(minutes=3)

    response = await client.post("/auth/logout", headers=bearer(pair.refresh_token))

    assert response.status_code == 204
    assert told(await renew(client, child)) == (401, "session_ended")


async def test_a_stale_token_logs_out(
    client: httpx2.AsyncClient, auth: Auth, ada: User, pair: TokenPair
) -> None:
    await auth.set_roles(ada.id, frozenset({"admin"}))

    response = await client.post("/auth/logout", headers=bearer(pair.access_token))

    assert response.status_code == 204
    assert told(await renew(client, pair.refresh_token)) == (401, "session_ended")


async def test_garbage_is_refused(client: httpx2.AsyncClient) -> None:
    response = await client.post("/auth/logout", headers=bearer("garbage"))

    assert told(response) == (401, "token_invalid")
    assert says_invalid_token(response)


@pytest.mark.parametrize("path", ["/auth/logout", "/auth/logout/all", "/auth/logout/others"])
async def test_without_a_token_no_session_is_ended(client: httpx2.AsyncClient, path: str) -> None:
    response = await client.post(path)

    assert told(response) == (401, "not_authenticated")
    assert not says_invalid_token(response)


@pytest.mark.parametrize("path", ["/auth/logout/all", "/auth/logout/all/"])
async def test_to_log_out_everywhere_ends_all_sessions_of_the_user(
    client: httpx2.AsyncClient, auth: Auth, ada: User, pair: TokenPair, path: str
) -> None:
    """V7.4.5."""
    other = await login_as(auth, ada)
    bobs = await login_as(auth, await a_user(auth, "bob@example.com"))

    response = await client.post(path, headers=bearer(pair.access_token))

    assert response.status_code == 204
    assert not await is_live(client, pair.access_token)
    assert not await is_live(client, other.access_token)
    assert await is_live(client, bobs.access_token)


async def test_to_log_out_elsewhere_ends_all_sessions_but_ones_own(
    client: httpx2.AsyncClient, auth: Auth, ada: User, pair: TokenPair
) -> None:
    """V7.5.2."""
    others = [await login_as(auth, ada) for _ in range(2)]
    bobs = await login_as(auth, await a_user(auth, "bob@example.com"))

    response = await client.post("/auth/logout/others", headers=bearer(pair.access_token))

    assert (response.status_code, response.content) == (204, b"")
    assert not [each for each in others if await is_live(client, each.access_token)]
    assert told(await renew(client, others[0].refresh_token)) == (401, "session_ended")
    assert await is_live(client, pair.access_token)
    assert await is_live(client, bobs.access_token)


@pytest.mark.parametrize("path", ["/auth/logout/all", "/auth/logout/others"])
async def test_an_expired_token_ends_no_other_session(
    client: httpx2.AsyncClient, clock: FakeClock, auth: Auth, ada: User, pair: TokenPair, path: str
) -> None:
    other = await login_as(auth, ada)
    clock.advance(pair.expires_in)

    response = await client.post(path, headers=bearer(pair.access_token))

    assert told(response) == (401, "token_expired")
    for each in (pair, other):
        assert (await renew(client, each.refresh_token)).status_code == 200
