"""A refresh token that is verified, not renewed, is judged as in a renewal and changes nothing."""

from dataclasses import replace
from typing import Annotated, Any

import httpx2
import pytest
from fastapi import Depends, FastAPI

from tests.http.conftest import bearer, on_both_storages, told
from tokenpair import Auth, TokenPair, Windows
from tokenpair.core.sessions.rule import EndReason, StoredSession
from tokenpair.core.tokens.claims import Claims
from tokenpair.errors import SessionEnded, Unavailable
from tokenpair.fastapi import RefreshToken, TokenBearer
from tokenpair.ports import Storage
from tokenpair.stores.memory import MemoryStorage
from tokenpair.stores.sql import SqlStorage
from tokenpair.stores.sql.tables import session_table
from tokenpair.testing import FakeClock, a_user, login_as

pytestmark = on_both_storages

both_modes = pytest.mark.parametrize(
    "windows", [Windows(), Windows(strict=True)], ids=["usual", "strict"]
)


class EitherBearer(TokenBearer):
    def verify_token_data(self, token_data: Claims) -> None:
        """Any token."""


@pytest.fixture
def app(app: FastAPI) -> FastAPI:
    @app.get("/refresh")
    async def refresh(token: RefreshToken) -> str:
        return token.token_id

    @app.get("/either")
    async def either(token: Annotated[Claims, Depends(EitherBearer())]) -> str:
        return token.token_id

    return app


@pytest.fixture(params=["/refresh", "/either"])
def path(request: pytest.FixtureRequest) -> str:
    found: str = request.param
    return found


@pytest.fixture
async def line(client: httpx2.AsyncClient, auth: Auth, clock: FakeClock) -> list[TokenPair]:
    """Return a session's five pairs, oldest first: the head is the fourth's refresh token."""
    assert not client.is_closed
    pairs = [await login_as(auth, await a_user(auth))]
    for _ in range(4):
        clock.advance(minutes=3)
        pairs.append(await auth.renew(pairs[-1].refresh_token))
    return pairs


async def row(auth: Auth, pair: TokenPair) -> StoredSession:
    claims = auth._parts.codec.decode(pair.access_token)
    async with auth.storage.begin() as tx:
        found = await tx.sessions.lock(claims.subject, claims.session_id)
    assert found
    return found[0]


async def show(client: httpx2.AsyncClient, path: str, pair: TokenPair) -> httpx2.Response:
    return await client.get(path, headers=bearer(pair.refresh_token))


@both_modes
@pytest.mark.parametrize("which", [4, 3], ids=["next", "head"])
@pytest.mark.parametrize("age", [0, 11, 121], ids=lambda each: f"{each}s")
async def test_what_a_renewal_would_accept_is_accepted_and_changes_nothing(
    client: httpx2.AsyncClient,
    auth: Auth,
    clock: FakeClock,
    line: list[TokenPair],
    path: str,
    which: int,
    age: int,
) -> None:
    """Also the head in strict mode, where a second renewal of it would be a replay."""
    before = await row(auth, line[0])
    clock.advance(seconds=age)

    answers = [await show(client, path, line[which]) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [200] * 3
    assert await row(auth, line[0]) == before


async def test_a_token_that_was_just_overtaken_is_superseded_and_nothing_ends(
    client: httpx2.AsyncClient, auth: Auth, clock: FakeClock, line: list[TokenPair], path: str
) -> None:
    before = await row(auth, line[0])
    clock.advance(seconds=120)

    answer = await show(client, path, line[2])

    assert told(answer) == (409, "token_superseded")
    assert answer.headers["retry-after"] == "1"
    assert await row(auth, line[0]) == before


@pytest.mark.parametrize(
    ("windows", "which", "age"),
    [
        pytest.param(Windows(), 0, 0, id="four-generations-old"),
        pytest.param(Windows(), 1, 0, id="three-generations-old"),
        pytest.param(Windows(), 2, 121, id="overtaken-long-ago"),
        pytest.param(Windows(strict=True), 2, 0, id="just-overtaken-in-strict-mode"),
    ],
)
async def test_a_replay_ends_the_session(
    client: httpx2.AsyncClient,
    auth: Auth,
    clock: FakeClock,
    line: list[TokenPair],
    path: str,
    which: int,
    age: int,
) -> None:
    """R23."""
    clock.advance(seconds=age)

    answer = await show(client, path, line[which])

    assert told(answer) == (401, "session_ended")
    ended = await row(auth, line[0])
    assert (ended.ended_at, ended.end_reason) == (clock(), EndReason.REPLAY)
    assert auth.counts.sessions_ended[EndReason.REPLAY] == 1
    with pytest.raises(SessionEnded):
        await auth.renew(line[4].refresh_token)
    with pytest.raises(SessionEnded):
        await auth.verify_access(line[4].access_token)


async def test_a_worker_that_stood_still_ends_nothing(
    client: httpx2.AsyncClient, auth: Auth, line: list[TokenPair], path: str
) -> None:
    auth._parts.heartbeat._stood_still_until = auth._parts.heartbeat._seconds()
    before = await row(auth, line[0])

    answer = await show(client, path, line[0])
    with pytest.raises(Unavailable):
        await auth.renew(line[0].refresh_token)

    assert told(answer) == (503, "unavailable")
    assert answer.headers["retry-after"] == "1"
    assert await row(auth, line[0]) == before
    assert (await show(client, path, line[4])).status_code == 200
    await auth.renew(line[4].refresh_token)


async def test_a_token_that_is_ahead_of_its_row_is_accepted(
    client: httpx2.AsyncClient,
    auth: Auth,
    clock: FakeClock,
    line: list[TokenPair],
    path: str,
) -> None:
    """The row lost its last writes: the token is newer, and its signature is ours."""
    clock.advance(minutes=3)
    ahead = await auth.renew(line[4].refresh_token)
    claims = auth._parts.codec.decode(ahead.refresh_token)
    await put_back(auth.storage, await row(auth, line[0]), generation=2, head="older")

    answer = await show(client, path, ahead)

    assert answer.json() == claims.token_id
    assert (await row(auth, line[0])).generation == 2


async def put_back(storage: Storage, session: StoredSession, **changes: Any) -> None:
    """Undo the last writes of a session's row."""
    if isinstance(storage, MemoryStorage):
        storage._tables.sessions[session.user_id, session.id] = replace(session, **changes)
        return
    assert isinstance(storage, SqlStorage)
    async with storage._writing() as connection:
        await connection.execute(
            session_table.update().where(session_table.c.id == session.id).values(changes)
        )
