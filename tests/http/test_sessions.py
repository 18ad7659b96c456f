from datetime import datetime, timedelta
from uuid import UUID, uuid4

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
from tokenpair.flows.sessions.open_session import MAX_SESSIONS
from tokenpair.testing import PASSWORD, FakeClock, a_user, login_as

pytestmark = on_both_storages


async def log_in_from(client: httpx2.AsyncClient, user_agent: str) -> httpx2.Response:
    return await client.post(
        "/auth/login",
        json={"email": "ada@example.com", "password": PASSWORD},
        headers=[(b"user-agent", user_agent.encode("latin-1"))],
    )


@pytest.mark.parametrize("path", ["/auth/sessions", "/auth/sessions/"])
@pytest.mark.usefixtures("ada")
async def test_one_sees_ones_sessions(
    client: httpx2.AsyncClient, clock: FakeClock, path: str
) -> None:
    """V7.5.2."""
    began = clock()
    pair = (await log_in_from(client, "Firefox")).json()
    clock.advance(minutes=1)
    await renew(client, pair["refresh_token"])

    response = await client.get(path, headers=bearer(pair["access_token"]))

    assert response.status_code == 200
    assert response.headers["cache-control"] == "no-store"
    session = response.json()[0]
    assert session.keys() == {
        "id",
        "created_at",
        "seen_at",
        "expires_at",
        "user_agent",
        "ip",
        "current",
    }
    assert UUID(session["id"])
    assert datetime.fromisoformat(session["created_at"]) == began
    assert datetime.fromisoformat(session["seen_at"]) == began + timedelta(minutes=1)
    assert datetime.fromisoformat(session["expires_at"]) == began + timedelta(days=30)
    assert session["user_agent"] == "Firefox"
    assert session["ip"] == CLIENT_ADDRESS
    assert session["current"] is True


async def test_the_newest_session_comes_first_and_the_own_one_is_marked(
    client: httpx2.AsyncClient, clock: FakeClock, auth: Auth, ada: User, pair: TokenPair
) -> None:
    clock.advance(minutes=1)
    await login_as(auth, ada)

    response = await client.get("/auth/sessions", headers=bearer(pair.access_token))

    assert [session["current"] for session in response.json()] == [False, True]


async def test_a_user_sees_only_their_own_live_sessions(
    client: httpx2.AsyncClient, auth: Auth, ada: User, pair: TokenPair
) -> None:
    ended = await login_as(auth, ada)
    await auth.log_out(ended.access_token)
    await login_as(auth, await a_user(auth, "bob@example.com"))

    response = await client.get("/auth/sessions", headers=bearer(pair.access_token))

    assert len(response.json()) == 1


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("", None),
        ("x" * 300, "x" * 256),
        ("Fire\x1b[31mfox", "Fire[31mfox"),
        ("a\x7fb\x85c", "abc"),
    ],
)
@pytest.mark.usefixtures("ada")
async def test_a_user_agent_is_cut_and_printable(
    client: httpx2.AsyncClient, sent: str, shown: str | None
) -> None:
    """W10."""
    pair = (await log_in_from(client, sent)).json()

    response = await client.get("/auth/sessions", headers=bearer(pair["access_token"]))

    assert response.json()[0]["user_agent"] == shown


@pytest.mark.parametrize("ending", ["", "/"])
async def test_one_ends_another_of_ones_sessions(
    client: httpx2.AsyncClient, auth: Auth, ada: User, pair: TokenPair, ending: str
) -> None:
    """V7.5.2."""
    other = await login_as(auth, ada)
    other_id = (await auth.verify_access(other.access_token)).session_id

    response = await client.delete(
        f"/auth/sessions/{other_id}{ending}", headers=bearer(pair.access_token)
    )

    assert response.status_code == 204
    assert response.content == b""
    assert not await is_live(client, other.access_token)
    assert told(await renew(client, other.refresh_token)) == (401, "session_ended")
    assert await is_live(client, pair.access_token)


async def test_one_may_end_the_own_session(
    client: httpx2.AsyncClient, auth: Auth, pair: TokenPair
) -> None:
    own_id = (await auth.verify_access(pair.access_token)).session_id

    response = await client.delete(f"/auth/sessions/{own_id}", headers=bearer(pair.access_token))

    assert response.status_code == 204
    assert not await is_live(client, pair.access_token)


async def test_another_users_session_is_not_found_and_lives_on(
    client: httpx2.AsyncClient, auth: Auth, pair: TokenPair
) -> None:
    """W8."""
    bobs = await login_as(auth, await a_user(auth, "bob@example.com"))
    bobs_id = (await auth.verify_access(bobs.access_token)).session_id

    response = await client.delete(f"/auth/sessions/{bobs_id}", headers=bearer(pair.access_token))

    assert told(response) == (404, "not_found")
    assert await is_live(client, bobs.access_token)


async def test_every_session_that_is_not_ones_own_is_not_found_in_the_same_way(
    client: httpx2.AsyncClient, auth: Auth, ada: User, pair: TokenPair
) -> None:
    """W8."""
    bobs = await login_as(auth, await a_user(auth, "bob@example.com"))
    ended = await login_as(auth, ada)
    ids = {
        "bob's": (await auth.verify_access(bobs.access_token)).session_id,
        "ended": (await auth.verify_access(ended.access_token)).session_id,
        "unknown": uuid4(),
        "not a UUID": "42",
    }
    await auth.log_out(ended.access_token)

    answers = [
        await client.delete(f"/auth/sessions/{each}", headers=bearer(pair.access_token))
        for each in ids.values()
    ]

    assert {told(answer) for answer in answers} == {(404, "not_found")}
    assert len({answer.content for answer in answers}) == 1


async def test_a_session_past_its_time_is_not_found(
    client: httpx2.AsyncClient, clock: FakeClock, auth: Auth, ada: User, pair: TokenPair
) -> None:
    old_id = (await auth.verify_access(pair.access_token)).session_id
    clock.advance(days=30)
    new = await login_as(auth, ada)

    response = await client.delete(f"/auth/sessions/{old_id}", headers=bearer(new.access_token))

    assert told(response) == (404, "not_found")


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/auth/sessions"), ("DELETE", "/auth/sessions/01890a5d-ac96-774b-bcce-b302099a8058")],
    ids=["list", "end"],
)
async def test_without_a_token_there_are_no_sessions(
    client: httpx2.AsyncClient, method: str, path: str
) -> None:
    response = await client.request(method, path)

    assert told(response) == (401, "not_authenticated")
    assert not says_invalid_token(response)


async def test_with_one_log_in_too_many_the_oldest_session_ends(
    client: httpx2.AsyncClient, clock: FakeClock, auth: Auth, ada: User, pair: TokenPair
) -> None:
    """V7.1.2."""
    second = None
    for _ in range(MAX_SESSIONS):
        clock.advance(seconds=1)
        latest = await login_as(auth, ada)
        second = second or latest

    response = await client.get("/auth/sessions", headers=bearer(latest.access_token))

    assert len(response.json()) == MAX_SESSIONS
    assert second is not None
    assert await is_live(client, second.access_token)
    assert told(await renew(client, pair.refresh_token)) == (401, "session_ended")
