"""The verified tokens that a worker remembers, and the checks at each use."""

from dataclasses import replace
from pathlib import Path

import pytest
from fastapi import Depends, FastAPI

from tests.http.conftest import bearer, talking_to
from tokenpair import AccessClaims, Auth, Claims, Key, Keyring, TokenPair, User
from tokenpair.core.tokens.key_rotation import compromise
from tokenpair.errors import (
    AccessTokenRequired,
    ExpiredToken,
    InvalidToken,
    SessionEnded,
    StaleToken,
)
from tokenpair.fastapi import AccessTokenBearer, TokenBearer
from tokenpair.fastapi.transport.header import access_claims
from tokenpair.keys import KeySource
from tokenpair.testing import FakeClock, a_user, login_as, make_auth


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def auth(clock: FakeClock) -> Auth:
    return make_auth(clock=clock)


@pytest.fixture
async def ada(auth: Auth) -> User:
    return await a_user(auth)


@pytest.fixture
async def pair(auth: Auth, ada: User) -> TokenPair:
    return await login_as(auth, ada)


async def present(auth: Auth, token: str) -> AccessClaims:
    """Verify a token as in a request's header."""
    return await access_claims(auth, f"Bearer {token}".encode())


class EitherKind(TokenBearer):
    def verify_token_data(self, token_data: Claims) -> None:
        """Accept both kinds."""


async def test_a_bearer_of_both_kinds_remembers_access_tokens_and_no_refresh_token(
    auth: Auth, clock: FakeClock, pair: TokenPair
) -> None:
    app = FastAPI()

    @app.get("/hello", dependencies=[Depends(EitherKind(auth))])
    async def hello() -> None: ...

    async with talking_to(app) as client:
        for token in (pair.access_token, pair.refresh_token) * 2:
            assert (await client.get("/hello", headers=bearer(token))).status_code == 200
        hits = auth.counts.cache_hits
        clock.advance(minutes=10)
        expired = await client.get("/hello", headers=bearer(pair.access_token))

    assert hits == 1
    assert expired.status_code == 401


async def test_a_remembered_token_still_expires(
    auth: Auth, clock: FakeClock, pair: TokenPair
) -> None:
    await present(auth, pair.access_token)
    clock.advance(minutes=10)

    with pytest.raises(ExpiredToken):
        await present(auth, pair.access_token)


async def test_a_remembered_token_is_still_refused_before_its_nbf(
    auth: Auth, clock: FakeClock, pair: TokenPair
) -> None:
    """A clock that is set back shows that each use reads it."""
    claims = auth._parts.codec.decode_access(pair.access_token)
    opening = auth._parts.codec._openings[type(claims)]
    auth._parts.codec._openings[type(claims)] = f'{opening}"nbf":{int(clock().timestamp())},'
    token = auth._parts.codec.encode(claims)
    await present(auth, token)
    clock.advance(seconds=-1)

    with pytest.raises(InvalidToken):
        await present(auth, token)


async def test_a_remembered_token_is_refused_after_the_end_of_its_session(
    auth: Auth, pair: TokenPair
) -> None:
    await present(auth, pair.access_token)
    await auth.log_out(pair.refresh_token)

    with pytest.raises(SessionEnded):
        await present(auth, pair.access_token)


async def test_a_remembered_token_still_turns_stale(auth: Auth, ada: User, pair: TokenPair) -> None:
    await present(auth, pair.access_token)
    await auth.set_roles(ada.id, frozenset({"admin"}))

    with pytest.raises(StaleToken):
        await present(auth, pair.access_token)


async def test_tokens_are_forgotten_when_the_keys_change(clock: FakeClock, tmp_path: Path) -> None:
    file = tmp_path / "keys.json"
    file.touch()
    keyrings = [Keyring([Key.generate()])]
    auth = make_auth(clock=clock, keyring=KeySource(lambda: keyrings[-1], file=file))
    pair = await login_as(auth, await a_user(auth))
    await present(auth, pair.access_token)
    keyrings.append(compromise(auth.keyring, auth.keyring.signing.kid, clock()))
    file.write_text("changed")

    await auth.reload_keys()

    with pytest.raises(InvalidToken):
        await present(auth, pair.access_token)


async def test_nothing_that_failed_is_remembered(
    auth: Auth, clock: FakeClock, pair: TokenPair
) -> None:
    stranger = make_auth(keyring=Keyring([Key.generate()]), clock=clock)
    forged = (await login_as(stranger, await a_user(stranger))).access_token

    for token in (forged, pair.access_token[:-4] + "AAAA", "garbage"):
        with pytest.raises(InvalidToken):
            await present(auth, token)
    with pytest.raises(AccessTokenRequired):
        await present(auth, pair.refresh_token)

    assert len(auth.verified) == 0


async def test_only_what_passes_everything_is_remembered(
    auth: Auth, clock: FakeClock, ada: User
) -> None:
    dead, expired = await login_as(auth, ada), await login_as(auth, ada)
    await auth.log_out(dead.refresh_token)
    with pytest.raises(SessionEnded):
        await present(auth, dead.access_token)
    clock.advance(minutes=10)
    with pytest.raises(ExpiredToken):
        await present(auth, expired.access_token)

    assert len(auth.verified) == 0


async def test_a_twin_of_a_remembered_token_is_verified_by_itself(
    auth: Auth, pair: TokenPair
) -> None:
    claims = await present(auth, pair.access_token)
    twin = auth._parts.codec.encode(replace(claims, token_id="another"))

    assert (await present(auth, twin)).token_id == "another"
    assert len(auth.verified) == 2


async def test_of_the_many_forms_of_a_token_only_the_usual_one_is_remembered(
    auth: Auth, pair: TokenPair
) -> None:
    """A client may send as many spaces before it as the server accepts."""
    await present(auth, pair.access_token)
    for spaces in range(1, 100):
        await access_claims(auth, f"bearer{' ' * spaces}{pair.access_token}".encode())

    assert len(auth.verified) == 1


async def test_remembered_tokens_are_counted(auth: Auth, pair: TokenPair) -> None:
    for _ in range(3):
        await present(auth, pair.access_token)

    assert (auth.counts.cache_hits, auth.counts.cache_misses) == (2, 1)


async def test_a_bearer_that_checks_the_session_remembers_its_tokens_too(
    auth: Auth, pair: TokenPair
) -> None:
    app = FastAPI()

    @app.get("/", dependencies=[Depends(AccessTokenBearer(auth, check_session=True))])
    async def guarded() -> None: ...

    async with talking_to(app) as client:
        for _ in range(2):
            await client.get("/", headers=bearer(pair.access_token))

    assert (auth.counts.cache_hits, auth.counts.cache_misses) == (1, 1)
