import json
import logging
from datetime import timedelta

import httpx2
import pytest
from fastapi import FastAPI

from tests.http.conftest import (
    Bench,
    bearer,
    is_live,
    on_both_storages,
    renew,
    says_invalid_token,
    told,
)
from tokenpair import Auth, TokenPair, User, Windows
from tokenpair.core.tokens.encoding import from_base64url
from tokenpair.errors import SessionEnded
from tokenpair.testing import FakeClock, login_as

pytestmark = on_both_storages


async def line_of(
    client: httpx2.AsyncClient, clock: FakeClock, pair: TokenPair, length: int
) -> list[str]:
    """Renew `times` times, far enough apart to rotate; return all refresh tokens, oldest first."""
    tokens = [pair.refresh_token]
    for _ in range(length):
        tokens.append((await renew(client, tokens[-1])).json()["refresh_token"])
        clock.advance(minutes=3)
    return tokens


def claims_in(token: str) -> dict[str, object]:
    claims: dict[str, object] = json.loads(from_base64url(token.split(".")[1]))
    return claims


@pytest.mark.parametrize("method", ["POST", "GET"])
@pytest.mark.parametrize("path", ["/auth/refresh_token", "/auth/refresh_token/"])
async def test_a_refresh_token_renews_the_pair(
    client: httpx2.AsyncClient, pair: TokenPair, method: str, path: str
) -> None:
    response = await client.request(method, path, headers=bearer(pair.refresh_token))

    assert response.status_code == 200
    assert response.headers["cache-control"] == "no-store"
    assert response.json() == {
        "access_token": response.json()["access_token"],
        "refresh_token": response.json()["refresh_token"],
        "token_type": "Bearer",
        "expires_in": 600,
        "refresh_expires_in": 7 * 24 * 3600,
    }
    assert response.json()["refresh_token"] != pair.refresh_token
    assert await is_live(client, response.json()["access_token"])


async def test_renewal_by_get_is_deprecated(app: FastAPI) -> None:
    operations = app.openapi()["paths"]["/auth/refresh_token"]

    assert operations["get"]["deprecated"] is True
    assert "deprecated" not in operations["post"]


async def test_the_same_token_within_the_window_gets_the_identical_child(
    client: httpx2.AsyncClient, clock: FakeClock, pair: TokenPair
) -> None:
    first = await renew(client, pair.refresh_token)
    clock.advance(seconds=10)

    second = await renew(client, pair.refresh_token)

    assert first.json()["refresh_token"] == second.json()["refresh_token"]
    assert first.json()["access_token"] != second.json()["access_token"]


async def test_the_same_token_after_the_window_gets_a_sibling(
    client: httpx2.AsyncClient, clock: FakeClock, pair: TokenPair
) -> None:
    first = await renew(client, pair.refresh_token)
    clock.advance(seconds=11)

    second = await renew(client, pair.refresh_token)

    assert second.status_code == 200
    assert first.json()["refresh_token"] != second.json()["refresh_token"]


async def test_a_session_that_has_just_rotated_holds(
    client: httpx2.AsyncClient, clock: FakeClock, pair: TokenPair
) -> None:
    child = (await renew(client, pair.refresh_token)).json()["refresh_token"]
    clock.advance(seconds=120)

    held = await renew(client, child)

    assert held.status_code == 200
    assert held.json()["refresh_token"] == child
    assert held.json()["refresh_expires_in"] == 7 * 24 * 3600 - 120
    assert await is_live(client, held.json()["access_token"])


async def test_a_session_that_has_been_still_rotates(
    client: httpx2.AsyncClient, clock: FakeClock, pair: TokenPair
) -> None:
    child = (await renew(client, pair.refresh_token)).json()["refresh_token"]
    clock.advance(seconds=121)

    rotated = await renew(client, child)

    assert rotated.json()["refresh_token"] not in {child, pair.refresh_token}


async def test_a_token_that_was_just_replaced_is_a_409_with_retry_after(
    client: httpx2.AsyncClient, clock: FakeClock, pair: TokenPair
) -> None:
    tokens = await line_of(client, clock, pair, 1)
    await renew(client, tokens[1])

    response = await renew(client, tokens[0])

    assert told(response) == (409, "token_superseded")
    assert response.headers["retry-after"] == "1"
    assert "www-authenticate" not in response.headers
    assert "refresh_token" not in response.json()
    assert (await renew(client, tokens[1])).status_code == 200


async def test_a_replayed_token_ends_the_session(
    client: httpx2.AsyncClient, clock: FakeClock, pair: TokenPair
) -> None:
    tokens = await line_of(client, clock, pair, 2)

    response = await renew(client, tokens[0])

    assert told(response) == (401, "session_ended")
    assert says_invalid_token(response)
    assert told(await renew(client, tokens[-1])) == (401, "session_ended")


async def test_a_replay_is_logged_as_a_warning_without_the_token(
    client: httpx2.AsyncClient,
    clock: FakeClock,
    pair: TokenPair,
    caplog: pytest.LogCaptureFixture,
) -> None:
    tokens = await line_of(client, clock, pair, 2)

    await renew(client, tokens[0])

    warnings = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert len(warnings) == 1
    message = warnings[0].getMessage()
    assert "replayed" in message
    session = json.loads(from_base64url(pair.access_token.split(".")[1]))
    assert session["sid"] in message
    assert session["sub"] in message
    assert not any(token in str(vars(warnings[0])) for token in tokens)


async def test_a_forged_secret_is_logged_as_what_it_is(
    client: httpx2.AsyncClient, refresh_bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    """Only the holder of a signing key can make it: the operator must be told."""
    forged = refresh_bench.with_claims(secret="AAAAAAAAAAAAAAAAAAAAAA")

    await renew(client, forged)

    warnings = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert ["forged" in each.getMessage() for each in warnings] == [True]
    assert (await renew(client, refresh_bench.token)).status_code == 200


async def test_a_replay_ends_no_other_session(
    client: httpx2.AsyncClient, clock: FakeClock, auth: Auth, ada: User, pair: TokenPair
) -> None:
    other = await login_as(auth, ada)
    tokens = await line_of(client, clock, pair, 2)

    await renew(client, tokens[0])

    assert (await renew(client, other.refresh_token)).status_code == 200


async def test_two_holders_of_one_token_are_found_out(
    client: httpx2.AsyncClient, clock: FakeClock, pair: TokenPair
) -> None:
    owner = (await renew(client, pair.refresh_token)).json()["refresh_token"]
    clock.advance(minutes=3)
    thief = (await renew(client, pair.refresh_token)).json()["refresh_token"]
    clock.advance(minutes=3)
    await renew(client, owner)
    clock.advance(minutes=3)

    found_out = await renew(client, thief)

    assert told(found_out) == (401, "session_ended")
    assert told(await renew(client, owner)) == (401, "session_ended")


async def test_a_client_that_never_rotates_goes_on_until_its_token_expires(
    client: httpx2.AsyncClient, clock: FakeClock, pair: TokenPair
) -> None:
    answers = []
    for _ in range(7):
        answers.append(await renew(client, pair.refresh_token))
        clock.advance(days=1)

    after_all = await renew(client, pair.refresh_token)

    assert {answer.status_code for answer in answers} == {200}
    assert told(after_all) == (401, "token_expired")
    assert says_invalid_token(after_all)


async def test_a_lost_answer_never_matters(
    client: httpx2.AsyncClient, clock: FakeClock, pair: TokenPair
) -> None:
    tokens = await line_of(client, clock, pair, 3)
    await renew(client, tokens[-1])
    clock.advance(days=6)

    retried = await renew(client, tokens[-1])

    assert retried.status_code == 200


@pytest.mark.parametrize("ahead", [0, 1, 5])
async def test_a_token_that_does_not_know_the_sessions_secret_is_refused_and_ends_nothing(
    client: httpx2.AsyncClient, auth: Auth, refresh_bench: Bench, ahead: int
) -> None:
    forged = refresh_bench.with_claims(
        secret="AAAAAAAAAAAAAAAAAAAAAA", gen=refresh_bench.claims["gen"] + ahead
    )

    response = await renew(client, forged)

    assert told(response) == (401, "session_ended")
    with pytest.raises(SessionEnded):
        await auth.verify_refresh(forged)
    assert (await renew(client, refresh_bench.token)).status_code == 200


async def test_every_refusal_of_an_ended_session_is_the_same_to_the_byte(
    client: httpx2.AsyncClient,
    clock: FakeClock,
    auth: Auth,
    ada: User,
    refresh_bench: Bench,
) -> None:
    logged_out, disabled, replayed = [await login_as(auth, ada) for _ in range(3)]
    tokens = await line_of(client, clock, replayed, 2)
    await auth.log_out(logged_out.refresh_token)
    replay = await renew(client, tokens[0])
    after_replay = await renew(client, tokens[2])
    after_log_out = await renew(client, logged_out.refresh_token)
    await auth.disable(ada.id)
    causes = {
        "disabled": disabled.refresh_token,
        "no such session": refresh_bench.with_claims(sid="00000000-0000-7000-8000-000000000000"),
        "another user's": refresh_bench.with_claims(sub="00000000-0000-7000-8000-000000000000"),
        "another secret": refresh_bench.with_claims(secret="AAAAAAAAAAAAAAAAAAAAAA"),
    }

    answers = [replay, after_replay, after_log_out]
    answers += [await renew(client, token) for token in causes.values()]
    clock.advance(days=31)
    answers.append(await renew(client, refresh_bench.with_claims(exp=253402300799)))

    assert {told(answer) for answer in answers} == {(401, "session_ended")}
    assert len({(answer.content, str(sorted(answer.headers.items()))) for answer in answers}) == 1


async def test_a_renewed_token_carries_the_roles_of_now(
    client: httpx2.AsyncClient, auth: Auth, ada: User, pair: TokenPair
) -> None:
    await auth.set_roles(ada.id, frozenset({"admin"}))

    response = await renew(client, pair.refresh_token)

    assert claims_in(response.json()["access_token"])["roles"] == ["admin"]
    assert await is_live(client, response.json()["access_token"])


async def test_no_token_outlives_its_session(
    client: httpx2.AsyncClient, clock: FakeClock, pair: TokenPair
) -> None:
    token = pair.refresh_token
    for _ in range(5):
        clock.advance(days=5, hours=23)
        token = (await renew(client, token)).json()["refresh_token"]
    clock.advance(hours=4, minutes=58)

    response = await renew(client, token)

    assert response.json()["expires_in"] == 120
    assert response.json()["refresh_expires_in"] == 120


async def test_the_body_of_a_renewal_does_not_matter(
    client: httpx2.AsyncClient, pair: TokenPair
) -> None:
    response = await client.post(
        "/auth/refresh_token",
        content=b'{"refresh_token": not json',
        headers=bearer(pair.refresh_token) | {"Content-Type": "application/json"},
    )

    assert response.status_code == 200


async def test_a_refresh_token_in_the_body_is_no_token(
    client: httpx2.AsyncClient, pair: TokenPair
) -> None:
    response = await client.post("/auth/refresh_token", json={"refresh_token": pair.refresh_token})

    assert told(response) == (401, "not_authenticated")
    assert not says_invalid_token(response)


@pytest.mark.parametrize("windows", [Windows(strict=True)], ids=["strict"])
async def test_strict_forgives_nothing(
    client: httpx2.AsyncClient, clock: FakeClock, pair: TokenPair
) -> None:
    child = (await renew(client, pair.refresh_token)).json()["refresh_token"]
    clock.advance(seconds=1)

    again = await renew(client, pair.refresh_token)

    assert told(again) == (401, "session_ended")
    assert told(await renew(client, child)) == (401, "session_ended")


@pytest.mark.parametrize("windows", [Windows(strict=True)], ids=["strict"])
async def test_strict_rotates_every_time(client: httpx2.AsyncClient, pair: TokenPair) -> None:
    tokens = [pair.refresh_token]
    for _ in range(3):
        tokens.append((await renew(client, tokens[-1])).json()["refresh_token"])

    assert len(set(tokens)) == 4


async def test_a_refresh_tokens_lifetime_slides_with_use(
    client: httpx2.AsyncClient, clock: FakeClock, pair: TokenPair
) -> None:
    clock.advance(pair.refresh_expires_in - timedelta(seconds=1))

    response = await renew(client, pair.refresh_token)

    assert response.json()["refresh_expires_in"] == 7 * 24 * 3600
