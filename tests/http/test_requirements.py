"""Endpoints for users with a verified address, or with a recent log-in: one line for each."""

from datetime import timedelta
from typing import Annotated, Any

import httpx2
import pytest
from fastapi import APIRouter, Depends, FastAPI, WebSocket
from starlette.testclient import TestClient, WebSocketDenialResponse

from tests.http.conftest import bearer, on_both_storages, renew, talking_to, told
from tokenpair import AccessClaims, Auth, EmailAddress, TokenPair, User
from tokenpair.core.accounts.user import StoredUser
from tokenpair.errors import ConfigurationError, EmailNotVerified, ReauthenticationRequired
from tokenpair.fastapi import (
    ACCESS_ERRORS,
    AccessTokenMiddleware,
    OptionalBearer,
    RecentLogin,
    RequireRecentLogin,
    RequireVerified,
    RoleChecker,
    VerifiedEmail,
    claims_of,
    install,
    problem_responses,
    recent_login,
    verified_email,
)
from tokenpair.ids import uuid7
from tokenpair.testing import FakeClock, login_as, make_claims

MINUTES_5 = timedelta(minutes=5)
SECOND = timedelta(seconds=1)

Admin = Annotated[AccessClaims, Depends(RoleChecker("admin"))]

VERIFIED = ["/verified/dependency", "/verified/alias", "/verified/router", "/verified/own"]
RECENT = ["/recent/dependency", "/recent/alias", "/recent/router", "/recent/own"]
BOTH = [*VERIFIED, *RECENT]
MOUNTED = ["/verified/mounted", "/recent/mounted", "/verified/middleware", "/recent/middleware"]


def routes_of(kind: str, requirement: Any, own: Any, alias: Any) -> APIRouter:
    """Return endpoints that are protected in each of the ways."""
    router = APIRouter(prefix=f"/{kind}")
    whole = APIRouter(dependencies=[Depends(requirement)])

    @router.get("/dependency", dependencies=[Depends(requirement)])
    @router.get("/own", dependencies=[Depends(own)])
    @whole.get("/router")
    async def nothing() -> None: ...

    @router.get("/alias")
    async def by_alias(token: alias) -> str:
        return str(token.subject)

    @router.websocket("/socket")
    async def socket(websocket: WebSocket, token: alias) -> None:
        await websocket.accept()
        await websocket.send_text(str(token.subject))

    router.include_router(whole)
    return router


def mounted(requirement: Any, *, as_middleware: bool) -> FastAPI:
    """Return an app without `install`, whose only path is protected by a bearer with an `Auth`."""
    app = FastAPI()
    if as_middleware:
        app.add_middleware(AccessTokenMiddleware, bearer=requirement)

    @app.get("/", dependencies=[] if as_middleware else [Depends(requirement)])
    async def nothing() -> None: ...

    @app.websocket("/socket")
    async def socket(websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.send_text(str(claims_of(websocket).subject))

    return app


@pytest.fixture
def app(auth: Auth) -> FastAPI:
    app = FastAPI()
    install(app, auth)
    own: dict[str, Any] = {
        "verified": RequireVerified(auth),
        "recent": RequireRecentLogin(MINUTES_5, auth),
    }
    app.include_router(routes_of("verified", RequireVerified(), own["verified"], VerifiedEmail))
    app.include_router(routes_of("recent", RequireRecentLogin(), own["recent"], RecentLogin))
    for name, requirement in own.items():
        app.mount(f"/{name}/mounted", mounted(requirement, as_middleware=False))
        app.mount(f"/{name}/middleware", mounted(requirement, as_middleware=True))
    return app


async def stored(auth: Auth, password_hash: str, *, is_verified: bool) -> User:
    user = User(
        id=uuid7(),
        email=EmailAddress.parse("bob@example.com"),
        created_at=auth.clock(),
        email_verified_at=auth.clock() if is_verified else None,
    )
    async with auth.storage.begin() as tx:
        await tx.users.add(StoredUser(user=user, password_hash=password_hash))
    return user


@pytest.fixture
async def verified(client: httpx2.AsyncClient, auth: Auth, password_hash: str) -> TokenPair:
    assert not client.is_closed
    return await login_as(auth, await stored(auth, password_hash, is_verified=True))


async def get(client: httpx2.AsyncClient, path: str, pair: TokenPair) -> httpx2.Response:
    return await client.get(path, headers=bearer(pair.access_token), follow_redirects=True)


@pytest.mark.parametrize("path", [*BOTH, *MOUNTED])
async def test_a_verified_user_who_has_just_logged_in_may_do_both(
    client: httpx2.AsyncClient, verified: TokenPair, path: str
) -> None:
    assert (await get(client, path, verified)).status_code == 200


@pytest.mark.parametrize("path", [*VERIFIED, "/verified/mounted", "/verified/middleware"])
async def test_a_user_without_a_verified_address_is_told_to_verify_it(
    client: httpx2.AsyncClient, pair: TokenPair, path: str
) -> None:
    response = await get(client, path, pair)

    assert told(response) == (403, "email_not_verified")
    assert "www-authenticate" not in response.headers


async def test_the_tokens_say_whether_the_address_is_verified(
    client: httpx2.AsyncClient, auth: Auth, pair: TokenPair, verified: TokenPair
) -> None:
    renewed = (await renew(client, verified.refresh_token)).json()["access_token"]

    tokens = [pair.access_token, verified.access_token, renewed]
    assert [(await auth.verify_access(each)).email_verified for each in tokens] == [
        False,
        True,
        True,
    ]


@on_both_storages
async def test_after_the_verification_the_client_renews_and_is_let_in(
    client: httpx2.AsyncClient, auth: Auth, pair: TokenPair, ada: User
) -> None:
    async with auth.storage.begin() as tx:
        await tx.users.set_email_verified(ada.id, auth.clock())

    stale = await get(client, "/verified/alias", pair)
    renewed = (await renew(client, pair.refresh_token)).json()
    opened = await client.get("/verified/alias", headers=bearer(renewed["access_token"]))

    assert told(stale) == (401, "token_stale")
    assert opened.status_code == 200


@pytest.mark.parametrize("path", [*RECENT, "/recent/mounted", "/recent/middleware"])
async def test_a_log_in_is_recent_for_five_minutes(
    client: httpx2.AsyncClient, clock: FakeClock, pair: TokenPair, path: str
) -> None:
    """T7, V7.5.3: the token is the same, and is remembered: its age is compared at each request."""
    clock.advance(MINUTES_5)
    in_time = await get(client, path, pair)
    clock.advance(SECOND)
    late = await get(client, path, pair)

    assert in_time.status_code == 200
    assert told(late) == (401, "reauthentication_required")
    assert late.json()["max_age"] == 300


async def test_the_challenge_is_that_of_rfc_9470(
    client: httpx2.AsyncClient, clock: FakeClock, pair: TokenPair
) -> None:
    clock.advance(MINUTES_5 + SECOND)

    response = await get(client, "/recent/alias", pair)

    assert response.headers["www-authenticate"] == (
        'Bearer realm="tokenpair", error="insufficient_user_authentication", '
        'error_description="Your log-in is too long ago for this. '
        'Please enter your password again.", max_age="300"'
    )


async def test_a_renewal_is_no_log_in(
    client: httpx2.AsyncClient, clock: FakeClock, pair: TokenPair
) -> None:
    """T7."""
    clock.advance(MINUTES_5 + SECOND)
    renewed = (await renew(client, pair.refresh_token)).json()

    response = await client.get("/recent/alias", headers=bearer(renewed["access_token"]))

    assert told(response) == (401, "reauthentication_required")


async def test_each_endpoint_has_a_greatest_age_of_its_own(
    auth: Auth, clock: FakeClock, app: FastAPI, client: httpx2.AsyncClient, pair: TokenPair
) -> None:
    @app.get("/minute", dependencies=[Depends(RequireRecentLogin(timedelta(seconds=61.5)))])
    async def minute() -> None: ...

    clock.advance(timedelta(seconds=61))
    in_time = await get(client, "/minute", pair)
    clock.advance(SECOND)
    late = await get(client, "/minute", pair)

    assert in_time.status_code == 200
    assert late.json()["max_age"] == 61
    assert 'max_age="61"' in late.headers["www-authenticate"]
    assert (await auth.verify_access(pair.access_token)).email_verified is False


@pytest.mark.parametrize("max_age", [timedelta(0), timedelta(seconds=0.9), -MINUTES_5])
def test_an_age_that_no_log_in_can_have_is_refused(max_age: timedelta) -> None:
    with pytest.raises(ConfigurationError, match="timedelta"):
        RequireRecentLogin(max_age)


@pytest.mark.parametrize("path", [*BOTH, *MOUNTED])
async def test_a_missing_token_and_a_refresh_token_have_codes_of_their_own(
    client: httpx2.AsyncClient, verified: TokenPair, path: str
) -> None:
    none = await client.get(path, follow_redirects=True)
    refresh = await client.get(path, headers=bearer(verified.refresh_token), follow_redirects=True)

    assert told(none) == (401, "not_authenticated")
    assert told(refresh) == (401, "access_token_required")


@pytest.mark.parametrize("path", BOTH)
async def test_after_the_log_out_neither_opens(
    client: httpx2.AsyncClient, auth: Auth, verified: TokenPair, path: str
) -> None:
    await auth.log_out(verified.access_token)

    assert told(await get(client, path, verified)) == (401, "session_ended")


async def test_a_child_that_replaces_the_hook_still_wants_a_recent_log_in(
    auth: Auth, clock: FakeClock, app: FastAPI, client: httpx2.AsyncClient, pair: TokenPair
) -> None:
    class Careless(RequireRecentLogin):
        def verify_token_data(self, token_data: AccessClaims) -> None:
            pass

    app.get("/careless", dependencies=[Depends(Careless(auth=auth))])(lambda: None)
    clock.advance(MINUTES_5 + SECOND)

    assert told(await get(client, "/careless", pair)) == (401, "reauthentication_required")


async def test_both_may_check_the_row_of_the_session(auth: Auth, verified: TokenPair) -> None:
    """At another worker, which has not heard of the log-out."""
    app = FastAPI()
    for name, each in {
        "/verified": RequireVerified(auth, check_session=True),
        "/recent": RequireRecentLogin(auth=auth, check_session=True),
    }.items():
        app.get(name, dependencies=[Depends(each)])(lambda: None)
    claims = await auth.verify_access(verified.access_token)
    async with auth.storage.begin() as tx:
        await tx.users.set_disabled(claims.subject, auth.clock())

    async with talking_to(app) as client:
        answers = [await get(client, path, verified) for path in ("/verified", "/recent")]

    assert [told(each) for each in answers] == [(401, "session_ended")] * 2


async def test_where_a_token_is_optional_one_that_was_sent_must_fit(
    app: FastAPI, client: httpx2.AsyncClient, pair: TokenPair, verified: TokenPair
) -> None:
    optional = OptionalBearer(RequireVerified())

    @app.get("/optional")
    async def maybe(token: Annotated[AccessClaims | None, Depends(optional)]) -> bool:
        return token is not None

    assert (await client.get("/optional")).json() is False
    assert (await get(client, "/optional", verified)).json() is True
    assert told(await get(client, "/optional", pair)) == (403, "email_not_verified")


@pytest.mark.parametrize("path", ["/verified/socket", "/verified/middleware/socket"])
async def test_a_socket_of_an_unverified_user_is_refused_with_the_problem(
    auth: Auth, app: FastAPI, password_hash: str, path: str
) -> None:
    async with auth:
        pair = await login_as(auth, await stored(auth, password_hash, is_verified=False))
    with TestClient(app) as client:
        response = refused_socket(client, path, pair)

    assert (response.status_code, response.json()["code"]) == (403, "email_not_verified")


@pytest.mark.parametrize("path", ["/recent/socket", "/recent/middleware/socket"])
async def test_a_socket_of_an_old_log_in_is_refused_with_the_challenge(
    auth: Auth, app: FastAPI, clock: FakeClock, password_hash: str, path: str
) -> None:
    async with auth:
        pair = await login_as(auth, await stored(auth, password_hash, is_verified=True))
    with TestClient(app) as client:
        with client.websocket_connect(path, headers=bearer(pair.access_token)) as socket:
            assert socket.receive_text()
        clock.advance(MINUTES_5 + SECOND)
        response = refused_socket(client, path, pair)

    assert response.status_code == 401
    assert 'max_age="300"' in response.headers["www-authenticate"]


def refused_socket(client: TestClient, path: str, pair: TokenPair) -> WebSocketDenialResponse:
    with (
        pytest.raises(WebSocketDenialResponse) as refused,
        client.websocket_connect(path, headers=bearer(pair.access_token)),
    ):
        pass
    return refused.value


async def test_a_test_overrides_either(app: FastAPI, client: httpx2.AsyncClient) -> None:
    app.dependency_overrides[verified_email] = make_claims
    app.dependency_overrides[recent_login] = make_claims

    answers = [await client.get(path) for path in ("/verified/alias", "/recent/alias")]

    assert [each.status_code for each in answers] == [200, 200]


def test_openapi_describes_the_answers_and_the_one_scheme(app: FastAPI) -> None:
    @app.post(
        "/both",
        responses=problem_responses(*ACCESS_ERRORS, EmailNotVerified, ReauthenticationRequired),
    )
    async def both(token: VerifiedEmail, again: RecentLogin, admin: Admin) -> bool:
        return token == again == admin

    described = app.openapi()["paths"]["/both"]["post"]

    assert described["security"] == [{"AccessTokenBearer": []}]
    assert "`email_not_verified`" in described["responses"]["403"]["description"]
    assert "`reauthentication_required`" in described["responses"]["401"]["description"]
    challenge = described["responses"]["401"]["headers"]["WWW-Authenticate"]
    assert "max_age" in challenge["description"]
