"""All paths need an access token, except those that are named."""

import httpx2
import pytest
from fastapi import APIRouter, FastAPI, HTTPException
from fastapi.middleware.cors import CORSMiddleware
from starlette.requests import HTTPConnection, Request
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from tests.http.conftest import OPEN, bearer, talking_to, told
from tokenpair import AccessClaims, Auth, TokenPair, User
from tokenpair.errors import ConfigurationError, InsufficientRole
from tokenpair.fastapi import (
    AccessToken,
    AccessTokenBearer,
    AccessTokenMiddleware,
    RefreshTokenBearer,
    RoleChecker,
    TokenBearer,
    claims_of,
    install,
)
from tokenpair.fastapi.endpoints import ENDPOINTS
from tokenpair.fastapi.registry import open_requests
from tokenpair.testing import PASSWORD, FakeClock

PUBLIC = ["/", "/open", "/files/*"]


def add_routes(app: FastAPI) -> None:
    @app.get("/")
    @app.get("/open")
    @app.get("/open/but/not/below")
    @app.get("/files")
    @app.get("/files/{name:path}")
    @app.get("/filesystem")
    async def anyone() -> str:
        return "hello"

    @app.get("/claims")
    async def claims(request: Request) -> str:
        return str(claims_of(request).session_id)

    @app.get("/open/claims")
    async def no_claims(request: Request) -> str:
        return str(claims_of(request).session_id)

    @app.get("/both")
    async def both(request: Request, token: AccessToken) -> bool:
        return claims_of(request) == token

    @app.post("/form")
    async def form(request: Request) -> int:
        return len(await request.body())


@pytest.fixture
def app(auth: Auth) -> FastAPI:
    app = FastAPI()
    install(app, auth)
    add_routes(app)
    app.add_middleware(AccessTokenMiddleware, public=[*PUBLIC, "/open/claims"])
    return app


async def test_an_access_token_lets_a_request_through_with_its_claims(
    client: httpx2.AsyncClient, auth: Auth, ada: User, pair: TokenPair
) -> None:
    (session,) = await auth.list_sessions(ada.id)

    answers = [
        await client.get(path, headers=bearer(pair.access_token)) for path in ("/claims", "/both")
    ]

    assert [answer.json() for answer in answers] == [str(session.id), True]


async def test_a_body_reaches_the_endpoint(client: httpx2.AsyncClient, pair: TokenPair) -> None:
    answer = await client.post("/form", content=b"hello", headers=bearer(pair.access_token))

    assert answer.json() == 5


@pytest.mark.parametrize(
    "path",
    [
        "/claims",
        "/both",
        "/filesystem",
        "/files",
        "/open/but/not/below",
        "/OPEN",
        "/auth/me",
        "/auth/sessions",
        "/no/such/page",
        "/openapi.json",
        "/docs",
    ],
)
async def test_nothing_opens_without_a_token_but_what_is_named(
    client: httpx2.AsyncClient, path: str
) -> None:
    assert told(await client.get(path)) == (401, "not_authenticated")


@pytest.mark.parametrize(
    "path", ["/", "/open", "/files/a.txt", "/files/a/b.txt", "/.well-known/jwks.json"]
)
async def test_a_named_path_needs_no_token(client: httpx2.AsyncClient, path: str) -> None:
    assert (await client.get(path)).status_code == 200


async def no_app_of_ours(scope: Scope, receive: Receive, send: Send) -> None:
    await PlainTextResponse(str(scope["path"]))(scope, receive, send)


@pytest.mark.parametrize("path", ["/files/%2e%2e/claims", "/files/%2e%2e", "/files%2f..%2fclaims"])
async def test_no_path_leads_out_of_an_open_folder(auth: Auth, path: str) -> None:
    """An inner app, such as a file server, may resolve the dots."""
    guard = AccessTokenMiddleware(no_app_of_ours, AccessTokenBearer(auth), public=["/files/*"])
    transport = httpx2.ASGITransport(app=guard)

    async with httpx2.AsyncClient(transport=transport, base_url="https://auth.test") as client:
        climbing = await client.get(path)
        inside = await client.get("/files/a")

    assert told(climbing) == (401, "not_authenticated")
    assert inside.text == "/files/a"


async def test_the_ways_to_a_token_stay_open(client: httpx2.AsyncClient) -> None:
    account = {"email": "grace@example.com", "password": PASSWORD}

    signed_up = await client.post("/auth/signup", json=account)
    pair = (await client.post("/auth/login", json=account)).json()
    renewed = await client.post("/auth/refresh_token", headers=bearer(pair["refresh_token"]))
    out = await client.post("/auth/logout", headers=bearer(pair["refresh_token"]))
    after = await client.get("/claims", headers=bearer(renewed.json()["access_token"]))

    assert [each.status_code for each in (signed_up, renewed, out)] == [201, 200, 204]
    assert told(after) == (401, "session_ended")


def test_every_endpoint_of_ours_is_open_or_wants_an_access_token(app: FastAPI) -> None:
    """An endpoint that is added without an access token must be added to `OPEN`, on purpose."""
    document, requests = app.openapi()["paths"], open_requests(app)

    for name, each in ENDPOINTS.items():
        path = each.path if each.at_root else f"/auth{each.path}"
        assert ((each.method, path) in requests) is (name in OPEN), name
        operation = document.get(path, {}).get(each.method.lower(), {})
        wants_one = operation.get("security") == [{"AccessTokenBearer": []}]
        assert wants_one is (name not in OPEN) or not operation, name


@pytest.mark.parametrize(
    ("credentials", "code"),
    [
        ("Bearer garbage", "token_invalid"),
        ("Bearer ", "not_authenticated"),
        ("Basic abc", "not_authenticated"),
    ],
)
async def test_other_credentials_are_refused_with_a_code(
    client: httpx2.AsyncClient, credentials: str, code: str
) -> None:
    answer = await client.get("/claims", headers={"Authorization": credentials})

    assert told(answer) == (401, code)


async def test_two_headers_are_a_malformed_request(
    client: httpx2.AsyncClient, pair: TokenPair
) -> None:
    header = ("Authorization", f"Bearer {pair.access_token}")

    answer = await client.get("/claims", headers=[header, header])

    assert told(answer) == (400, "invalid_request")


async def test_each_reason_for_a_refusal_has_its_own_code(
    client: httpx2.AsyncClient, auth: Auth, ada: User, pair: TokenPair, clock: FakeClock
) -> None:
    wrong_kind = await client.get("/claims", headers=bearer(pair.refresh_token))
    await auth.set_roles(ada.id, frozenset({"editor"}))
    stale = await client.get("/claims", headers=bearer(pair.access_token))
    await auth.log_out(pair.access_token)
    ended = await client.get("/claims", headers=bearer(pair.access_token))
    clock.advance(minutes=11)
    expired = await client.get("/claims", headers=bearer(pair.access_token))

    assert told(wrong_kind) == (401, "access_token_required")
    assert told(stale) == (401, "token_stale")
    assert told(ended) == (401, "session_ended")
    assert told(expired) == (401, "token_expired")


async def test_behind_an_open_path_there_are_no_claims(
    client: httpx2.AsyncClient, pair: TokenPair
) -> None:
    with pytest.raises(RuntimeError, match="the path is public"):
        await client.get("/open/claims", headers=bearer(pair.access_token))


async def test_below_a_root_path_the_same_paths_are_open(app: FastAPI) -> None:
    transport = httpx2.ASGITransport(app=app, root_path="/service")
    async with httpx2.AsyncClient(transport=transport, base_url="https://auth.test") as behind:
        opened = await behind.get("/service/open")
        guarded = await behind.get("/service/claims")

    assert (opened.status_code, guarded.status_code) == (200, 401)


class Picky(AccessTokenBearer):
    def verify_token_data(self, token_data: AccessClaims) -> None:
        if not token_data.roles:
            raise HTTPException(418, "no tea")
        raise InsufficientRole


async def test_a_bearer_may_demand_more(auth: Auth, ada: User) -> None:
    app = FastAPI()
    install(app, auth)
    add_routes(app)
    app.add_middleware(AccessTokenMiddleware, bearer=RoleChecker("editor"))

    async with auth, talking_to(app) as client:
        reader = await login(client)
        await auth.set_roles(ada.id, frozenset({"editor"}))
        editor = await login(client)
        answers = [await client.get("/both", headers=bearer(each)) for each in (reader, editor)]

    assert [each.status_code for each in answers] == [401, 200]


async def login(client: httpx2.AsyncClient) -> str:
    account = {"email": "ada@example.com", "password": PASSWORD}
    token: str = (await client.post("/auth/login", json=account)).json()["access_token"]
    return token


async def test_any_error_of_a_hook_is_answered(auth: Auth, ada: User) -> None:
    app = FastAPI()
    install(app, auth)
    add_routes(app)
    app.add_middleware(AccessTokenMiddleware, bearer=Picky())

    async with auth, talking_to(app) as client:
        tea = await client.get("/both", headers=bearer(await login(client)))
        await auth.set_roles(ada.id, frozenset({"editor"}))
        role = await client.get("/both", headers=bearer(await login(client)))

    assert tea.status_code == 418
    assert tea.json()["detail"] == "no tea"
    assert told(role) == (403, "insufficient_role")


async def test_an_app_without_our_endpoints_is_protected_too(auth: Auth, pair: TokenPair) -> None:
    app = FastAPI()
    add_routes(app)
    app.add_middleware(AccessTokenMiddleware, bearer=AccessTokenBearer(auth))

    async with talking_to(app) as client:
        let_in = await client.get("/claims", headers=bearer(pair.access_token))
        ours = await client.get("/.well-known/jwks.json")
        refused = await client.get("/claims")

    assert let_in.status_code == 200
    assert told(ours) == (401, "not_authenticated")
    assert told(refused) == (401, "not_authenticated")


async def test_added_before_it_cors_answers_its_own_requests(auth: Auth) -> None:
    app = FastAPI()
    install(app, auth)
    app.include_router(APIRouter())
    app.add_middleware(AccessTokenMiddleware)
    app.add_middleware(CORSMiddleware, allow_origins=["https://page.test"], allow_headers=["*"])
    asking = {"Origin": "https://page.test", "Access-Control-Request-Method": "GET"}

    async with auth, talking_to(app) as client:
        preflight = await client.options("/auth/me", headers=asking)
        refused = await client.get("/auth/me", headers={"Origin": "https://page.test"})

    assert preflight.status_code == 200
    assert told(refused) == (401, "not_authenticated")
    assert refused.headers["access-control-allow-origin"] == "https://page.test"


@pytest.mark.parametrize("path", ["docs", "", "/a*", "/*/b", "/*", "*", "/a/**", "/a/{id}"])
def test_what_is_no_public_path_is_refused(auth: Auth, path: str) -> None:
    with pytest.raises(ConfigurationError, match="is not a public path"):
        AccessTokenMiddleware(FastAPI(), AccessTokenBearer(auth), public=[path])


async def test_a_slash_more_is_another_path(auth: Auth) -> None:
    app = FastAPI(redirect_slashes=False)
    install(app, auth)
    app.add_middleware(AccessTokenMiddleware, public=["/about"])

    @app.get("/about/")
    async def about() -> str:
        return "a secret"

    async with talking_to(app) as client:
        assert (await client.get("/about")).status_code == 404
        assert told(await client.get("/about/")) == (401, "not_authenticated")


def test_a_bearer_that_would_not_be_called_is_refused(auth: Auth) -> None:
    class Course(AccessTokenBearer):
        async def __call__(self, request: HTTPConnection) -> AccessClaims:
            raise InsufficientRole(f"{request.url} is not for you")

    with pytest.raises(ConfigurationError, match="Course overrides `__call__`"):
        AccessTokenMiddleware(FastAPI(), Course(auth))


@pytest.mark.parametrize("bearer", [RefreshTokenBearer, TokenBearer])
def test_a_bearer_of_another_kind_is_refused(auth: Auth, bearer: type[TokenBearer]) -> None:
    with pytest.raises(ConfigurationError, match="not a child of AccessTokenBearer"):
        AccessTokenMiddleware(FastAPI(), bearer(auth))  # type: ignore[arg-type]  # That is it.


async def test_without_an_auth_it_says_what_is_missing() -> None:
    app = FastAPI()
    app.add_middleware(AccessTokenMiddleware)

    async with talking_to(app) as client:
        with pytest.raises(ConfigurationError, match="no Auth is installed"):
            await client.get("/docs")


def test_a_single_path_is_not_taken_for_its_letters() -> None:
    app = FastAPI()

    guard = AccessTokenMiddleware(app, public="/docs")

    assert guard._public == {"/docs"}
