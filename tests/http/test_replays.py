"""R1 to R18: replays, races between renewals, and the ends of sessions."""

import asyncio
import math
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
import sqlalchemy as sa

from tests.http.conftest import (
    Bench,
    bearer,
    is_live,
    on_both_storages,
    renew,
    told,
)
from tokenpair import Auth, Keyring, TokenPair, User, Windows
from tokenpair.errors import SessionEnded
from tokenpair.stores.sql import SqlStorage
from tokenpair.testing import PASSWORD, FakeClock, login_as, make_auth


@on_both_storages
async def test_fifty_renewals_at_once_make_one_child(
    client: httpx2.AsyncClient, pair: TokenPair
) -> None:
    """R1."""
    answers = await asyncio.gather(*(renew(client, pair.refresh_token) for _ in range(50)))

    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["refresh_token"] for answer in answers}) == 1


@on_both_storages
async def test_the_loser_of_a_race_does_not_end_the_winners_session(
    client: httpx2.AsyncClient, clock: FakeClock, pair: TokenPair
) -> None:
    """R3."""
    answers = await asyncio.gather(*(renew(client, pair.refresh_token) for _ in range(5)))
    clock.advance(minutes=3)

    next_answer = await renew(client, answers[-1].json()["refresh_token"])

    assert next_answer.status_code == 200


async def advanced(client: httpx2.AsyncClient, clock: FakeClock, token: str, times: int) -> str:
    """Renew `times` times, with pauses; return the newest refresh token."""
    for _ in range(times):
        token = (await renew(client, token)).json()["refresh_token"]
        clock.advance(minutes=3)
    return token


@on_both_storages
async def test_a_replayed_session_stays_ended_after_the_refusal(
    client: httpx2.AsyncClient, clock: FakeClock, pair: TokenPair
) -> None:
    """R2."""
    newest = await advanced(client, clock, pair.refresh_token, 3)
    access = (await renew(client, newest)).json()["access_token"]

    replayed = await renew(client, pair.refresh_token)
    with_the_newest = await renew(client, newest)
    as_access = await client.get("/auth/me", headers=bearer(access))

    answers = [replayed, with_the_newest, as_access]
    assert [told(answer) for answer in answers] == [(401, "session_ended")] * 3


@on_both_storages
async def test_no_repeated_token_is_tolerated_after_log_out(
    client: httpx2.AsyncClient, pair: TokenPair
) -> None:
    """R5."""
    child = (await renew(client, pair.refresh_token)).json()["refresh_token"]
    await client.post("/auth/logout", headers=bearer(child))

    answers = [await renew(client, token) for token in (pair.refresh_token, child)]

    assert {told(answer) for answer in answers} == {(401, "session_ended")}


@on_both_storages
async def test_only_the_parent_of_the_head_is_tolerated(
    client: httpx2.AsyncClient, clock: FakeClock, pair: TokenPair
) -> None:
    """R6."""
    second = await advanced(client, clock, pair.refresh_token, 1)
    third = await advanced(client, clock, second, 1)
    await renew(client, third)

    of_the_parent = await renew(client, second)
    of_the_grandparent = await renew(client, pair.refresh_token)
    of_the_head = await renew(client, third)

    assert told(of_the_parent) == (409, "token_superseded")
    assert told(of_the_grandparent) == (401, "session_ended")
    assert told(of_the_head) == (401, "session_ended")


@on_both_storages
async def test_a_token_of_a_removed_session_is_no_crash(
    client: httpx2.AsyncClient, pair: TokenPair, refresh_bench: Bench
) -> None:
    """R7."""
    token = refresh_bench.with_claims(sid="00000000-0000-7000-8000-000000000000")

    answers = [await renew(client, token), await client.post("/auth/logout", headers=bearer(token))]

    assert told(answers[0]) == (401, "session_ended")
    assert answers[1].status_code == 204
    assert await is_live(client, pair.access_token)


@pytest.mark.parametrize(
    "windows", [Windows(repeat=timedelta(0), superseded=timedelta(0))], ids=["no_windows"]
)
@on_both_storages
async def test_generations_within_one_second_are_told_apart(
    client: httpx2.AsyncClient, auth: Auth, clock: FakeClock, pair: TokenPair
) -> None:
    """R8."""
    # Without a window, a machine that stands still for a second makes the worker doubt replays.
    auth._parts.heartbeat._max_gap = math.inf
    tokens = [pair.refresh_token]
    for _ in range(4):
        clock.advance(milliseconds=100)
        tokens.append((await renew(client, tokens[-1])).json()["refresh_token"])

    response = await renew(client, tokens[1])

    assert len(set(tokens)) == 5
    assert told(response) == (401, "session_ended")
    assert told(await renew(client, tokens[-1])) == (401, "session_ended")


@pytest.mark.parametrize("storage", ["sqlite"], indirect=True)
async def test_a_restart_forgets_nothing(
    client: httpx2.AsyncClient,
    clock: FakeClock,
    keyring: Keyring,
    tmp_path: Path,
    pair: TokenPair,
) -> None:
    """R9."""
    newest = await advanced(client, clock, pair.refresh_token, 3)
    restarted = make_auth(
        storage=SqlStorage.from_url(f"sqlite:///{tmp_path / 'test.db'}"),
        clock=clock,
        keyring=keyring,
    )

    async with restarted:
        with pytest.raises(SessionEnded):
            await restarted.renew(pair.refresh_token)

    assert told(await renew(client, newest)) == (401, "session_ended")


@on_both_storages
async def test_log_out_wins_over_renewals_at_the_same_moment(
    client: httpx2.AsyncClient, auth: Auth, ada: User
) -> None:
    """R10."""
    for _ in range(10):
        pair = await login_as(auth, ada)

        raced = await asyncio.gather(
            renew(client, pair.refresh_token),
            client.post("/auth/logout", headers=bearer(pair.access_token)),
            renew(client, pair.refresh_token),
        )

        renewed = [answer.json() for answer in raced if answer.status_code == 200]
        refreshers = [pair.refresh_token, *(each["refresh_token"] for each in renewed)]
        accesses = [pair.access_token, *(each["access_token"] for each in renewed)]
        assert [told(await renew(client, each)) for each in refreshers] == [
            (401, "session_ended")
        ] * len(refreshers)
        assert not any([await is_live(client, each) for each in accesses])


@on_both_storages
async def test_age_ends_a_session_without_any_cleaning_up(
    client: httpx2.AsyncClient, clock: FakeClock, pair: TokenPair, refresh_bench: Bench
) -> None:
    """R11, V7.3.2."""
    forever = refresh_bench.with_claims(exp=253402300799)
    clock.advance(days=7)
    idle = await renew(client, pair.refresh_token)
    clock.advance(days=23)

    aged = await renew(client, forever)

    assert told(idle) == (401, "token_expired")
    assert told(aged) == (401, "session_ended")


@on_both_storages
async def test_to_end_a_session_is_to_end_its_refresh_token(
    client: httpx2.AsyncClient, auth: Auth, ada: User, pair: TokenPair
) -> None:
    """R12, R18."""
    session = (await auth.list_sessions(ada.id))[0]
    await client.delete(f"/auth/sessions/{session.id}", headers=bearer(pair.access_token))

    response = await renew(client, pair.refresh_token)

    assert told(response) == (401, "session_ended")
    with pytest.raises(SessionEnded):
        await auth.verify_refresh(pair.refresh_token)


@pytest.mark.parametrize("storage", ["sqlite"], indirect=True)
async def test_a_replay_costs_the_same_however_long_the_line(
    client: httpx2.AsyncClient, clock: FakeClock, auth: Auth, ada: User
) -> None:
    """R13."""

    async def statements_of_a_replay(generations: int) -> int:
        pair = await login_as(auth, ada)
        await advanced(client, clock, pair.refresh_token, generations)
        with counted_statements() as counted:
            response = await renew(client, pair.refresh_token)
        assert told(response) == (401, "session_ended")
        return len(counted)

    few, many = await statements_of_a_replay(2), await statements_of_a_replay(20)

    assert few == many > 1


IS_COUNTED: ContextVar[bool] = ContextVar("IS_COUNTED", default=False)
"""True in the task of the request alone: background tasks send statements, too."""


@contextmanager
def counted_statements() -> Iterator[list[str]]:
    counted: list[str] = []

    def count(_: Any, __: Any, statement: str, *___: Any) -> None:
        if IS_COUNTED.get():
            counted.append(statement)

    token = IS_COUNTED.set(True)
    sa.event.listen(sa.Engine, "before_cursor_execute", count)
    try:
        yield counted
    finally:
        sa.event.remove(sa.Engine, "before_cursor_execute", count)
        IS_COUNTED.reset(token)


@on_both_storages
async def test_a_disabled_user_is_out_everywhere(
    client: httpx2.AsyncClient, auth: Auth, ada: User, pair: TokenPair
) -> None:
    """R14, V7.4.2."""
    await auth.disable(ada.id)

    answers = [
        await client.get("/auth/me", headers=bearer(pair.access_token)),
        await renew(client, pair.refresh_token),
        await client.post("/auth/login", json={"email": "ada@example.com", "password": PASSWORD}),
    ]

    assert [told(answer) for answer in answers] == [
        (401, "session_ended"),
        (401, "session_ended"),
        (401, "invalid_credentials"),
    ]


@on_both_storages
async def test_to_enable_a_user_again_revives_nothing(
    client: httpx2.AsyncClient, auth: Auth, ada: User, pair: TokenPair
) -> None:
    """R14."""
    await auth.disable(ada.id)
    await auth.enable(ada.id)

    answers = [
        await client.get("/auth/me", headers=bearer(pair.access_token)),
        await renew(client, pair.refresh_token),
    ]

    assert {told(answer) for answer in answers} == {(401, "session_ended")}
    assert await is_live(client, (await login_as(auth, ada)).access_token)
