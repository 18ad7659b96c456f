"""`install` into apps that are not empty: each arrangement that the how-to describes."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated

import pytest
from fastapi import Depends, FastAPI, HTTPException
from fastapi.exceptions import RequestValidationError
from fastapi.responses import PlainTextResponse
from starlette.requests import Request
from starlette.responses import Response
from starlette.testclient import TestClient

from tests.http.conftest import bearer, talking_to, told
from tokenpair import AccessClaims, Auth, Key, Keyring
from tokenpair.errors import AuthError, ConfigurationError, TokenPairError
from tokenpair.fastapi import AccessToken, AccessTokenBearer, RoleChecker, install
from tokenpair.stores.memory import MemoryStorage
from tokenpair.stores.sql import SqlStorage
from tokenpair.testing import PASSWORD, a_user, login_as, make_auth

ADA = {"email": "ada@example.com", "password": PASSWORD}


def walk(client: TestClient, prefix: str) -> None:
    """Sign up, log in, read the account, renew, log out: what each installation must offer."""
    assert client.post(f"{prefix}/signup", json=ADA).status_code == 201
    pair = client.post(f"{prefix}/login", json=ADA).json()
    renewal = client.post(f"{prefix}/refresh_token", headers=bearer(pair["refresh_token"]))
    pair = renewal.json()
    assert client.get(f"{prefix}/me", headers=bearer(pair["access_token"])).status_code == 200
    assert client.post(f"{prefix}/logout", headers=bearer(pair["access_token"])).status_code == 204
    assert client.get(f"{prefix}/me", headers=bearer(pair["access_token"])).status_code == 401


def sqlite_auth(folder: Path) -> Auth:
    """Make an `Auth` that works only after `open`, which makes the tables."""
    return make_auth(storage=SqlStorage.from_url(f"sqlite:///{folder}/test.db"))


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_what_an_app_demands_of_every_request_a_renewal_is_asked_for_too(
    tmp_path: Path, method: str
) -> None:
    async def gate(request: Request) -> None:
        if "x-pass" not in request.headers:
            raise HTTPException(403)

    app = FastAPI(dependencies=[Depends(gate)])
    install(app, sqlite_auth(tmp_path))

    with TestClient(app) as client:
        passing = {"X-Pass": "yes"}
        client.post("/auth/signup", json=ADA, headers=passing)
        pair = client.post("/auth/login", json=ADA, headers=passing).json()
        token = bearer(pair["refresh_token"])
        answers = [
            client.request(method, "/auth/refresh_token", headers=headers).status_code
            for headers in (token, token | passing, passing)
        ]

    assert answers == [403, 200, 401]


def test_a_prefix_that_differs_from_request_to_request_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="must not have parameters"):
        install(FastAPI(), make_auth(), prefix="/{tenant}/auth")


def test_an_app_keeps_its_own_lifespan(tmp_path: Path) -> None:
    happened = []

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[dict[str, str]]:
        happened.append("started")
        yield {"mine": "kept"}
        happened.append("stopped")

    app = FastAPI(lifespan=lifespan)
    install(app, sqlite_auth(tmp_path))

    @app.get("/mine")
    async def mine(request: Request) -> str:
        return str(request.state.mine)

    with TestClient(app) as client:
        walk(client, "/auth")
        assert client.get("/mine").json() == "kept"

    assert happened == ["started", "stopped"]


def test_the_prefix_is_the_apps_to_choose(tmp_path: Path) -> None:
    app = FastAPI()
    install(app, sqlite_auth(tmp_path), prefix="/api/v2/people")

    with TestClient(app) as client:
        walk(client, "/api/v2/people")
        assert client.get("/auth/me").status_code == 404


async def test_an_apps_own_handlers_are_left_alone() -> None:
    app = FastAPI()

    @app.exception_handler(RequestValidationError)
    async def invalid(_: Request, __: Exception) -> Response:
        return PlainTextResponse("my 422", 422)

    @app.exception_handler(404)
    async def missing(_: Request, __: Exception) -> Response:
        return PlainTextResponse("my 404", 404)

    @app.exception_handler(Exception)
    async def crashed(_: Request, __: Exception) -> Response:
        return PlainTextResponse("my 500", 500)

    install(app, make_auth())

    @app.get("/number")
    async def number(number: int) -> int:
        return number // 0

    async with talking_to(app, raise_app_exceptions=False) as client:
        answers = [
            await client.get(path) for path in ("/number?number=x", "/nowhere", "/number?number=1")
        ]
        ours = await client.post("/auth/login", json={})

    assert [answer.text for answer in answers] == ["my 422", "my 404", "my 500"]
    assert told(ours) == (422, "invalid_input")


async def test_an_apps_own_way_of_answering_our_errors_is_kept() -> None:
    app = FastAPI()

    @app.exception_handler(AuthError)
    async def refused(_: Request, exc: Exception) -> Response:
        return PlainTextResponse(f"mine: {exc}", 418)

    install(app, make_auth())

    @app.get("/hello")
    async def hello(token: AccessToken) -> str:
        return str(token.subject)

    async with talking_to(app) as client:
        answer = await client.get("/hello")

    assert (answer.status_code, answer.text) == (418, "mine: Not authenticated")


def test_a_sub_application_has_an_auth_that_its_parent_opens(tmp_path: Path) -> None:
    auth = sqlite_auth(tmp_path)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with auth:  # The framework does not start mounted apps.
            yield

    app, api = FastAPI(lifespan=lifespan), FastAPI()
    install(api, auth)
    app.mount("/api", api)

    with TestClient(app) as client:
        walk(client, "/api/auth")
        assert client.get("/api/.well-known/jwks.json").json()["keys"]
        assert client.get("/auth/me").status_code == 404


def test_behind_a_root_path_everything_is_where_the_proxy_puts_it(tmp_path: Path) -> None:
    """Whether the proxy strips the path that it adds, or passes it on."""
    app = FastAPI()
    install(app, sqlite_auth(tmp_path))

    with TestClient(app, root_path="/books") as client:
        walk(client, "/auth")
        for path in ("/auth/me", "/books/auth/me", "/auth/me/", "/books/auth/me/"):
            assert client.get(path).status_code == 401
        assert client.get("/books/auth/nothing").status_code == 404
        assert client.get("/books/auth/login").headers["allow"] == "POST"
        assert client.get("/openapi.json").json()["servers"] == [{"url": "/books"}]


class StaffBearer(AccessTokenBearer):
    scheme_name = "StaffToken"


def two_auths(*, keyring: Keyring | None = None) -> tuple[Auth, Auth]:
    return (
        make_auth(storage=MemoryStorage(), keyring=keyring, audience="https://api.test"),
        make_auth(storage=MemoryStorage(), keyring=keyring, audience="https://staff.test"),
    )


def app_of_two(readers: Auth, staff: Auth) -> FastAPI:
    app = FastAPI()
    install(app, readers)
    install(app, staff, prefix="/staff/auth")

    @app.get("/books")
    async def books(token: AccessToken) -> str:
        return str(token.subject)

    @app.get("/staff/books")
    async def staff_books(token: Annotated[AccessClaims, Depends(StaffBearer(staff))]) -> str:
        return str(token.subject)

    @app.get("/staff/keys", dependencies=[Depends(RoleChecker("admin", staff))])
    async def staff_keys() -> None: ...

    return app


async def test_two_audiences_in_one_app_never_pass_for_each_other() -> None:
    """With one keyring for both, only the audience distinguishes them."""
    readers, staff = two_auths(keyring=Keyring([Key.generate()]))
    reader = (await login_as(readers, await a_user(readers))).access_token
    admin = (await login_as(staff, await a_user(staff, roles="admin"))).access_token

    async with talking_to(app_of_two(readers, staff)) as client:

        async def statuses(token: str) -> dict[str, int]:
            paths = ("/books", "/auth/me", "/staff/books", "/staff/auth/me", "/staff/keys")
            answers = {path: await client.get(path, headers=bearer(token)) for path in paths}
            return {path: answer.status_code for path, answer in answers.items()}

        assert await statuses(reader) == {
            "/books": 200,
            "/auth/me": 200,
            "/staff/books": 401,
            "/staff/auth/me": 401,
            "/staff/keys": 401,
        }
        assert await statuses(admin) == {
            "/books": 401,
            "/auth/me": 401,
            "/staff/books": 200,
            "/staff/auth/me": 200,
            "/staff/keys": 200,
        }


async def test_each_of_two_has_accounts_and_sessions_of_its_own() -> None:
    readers, staff = two_auths()

    async with talking_to(app_of_two(readers, staff)) as client:
        for prefix in ("/auth", "/staff/auth"):
            assert (await client.post(f"{prefix}/signup", json=ADA)).status_code == 201
        pair = (await client.post("/staff/auth/login", json=ADA)).json()
        abroad = await client.post("/auth/refresh_token", headers=bearer(pair["refresh_token"]))
        home = await client.post("/staff/auth/refresh_token", headers=bearer(pair["refresh_token"]))

    assert told(abroad) == (401, "token_invalid")
    assert home.status_code == 200


async def test_no_refresh_token_is_renewed_into_the_others_even_on_one_storage() -> None:
    storage, keyring = MemoryStorage(), Keyring([Key.generate()])
    readers = make_auth(storage=storage, keyring=keyring, audience="https://api.test")
    staff = make_auth(storage=storage, keyring=keyring, audience="https://staff.test")
    reader = await login_as(readers, await a_user(readers))

    async with talking_to(app_of_two(readers, staff)) as client:
        renewed = await client.post(
            "/staff/auth/refresh_token", headers=bearer(reader.refresh_token)
        )
        foreign = await client.get("/staff/books", headers=bearer(reader.access_token))

    assert told(renewed) == told(foreign) == (401, "token_invalid")


async def test_the_public_keys_are_those_of_both() -> None:
    readers, staff = two_auths()

    async with talking_to(app_of_two(readers, staff)) as client:
        keys = (await client.get("/.well-known/jwks.json")).json()["keys"]

    assert [key["kid"] for key in keys] == [readers.keyring.signing.kid, staff.keyring.signing.kid]


async def test_a_shared_key_is_published_once() -> None:
    readers, staff = two_auths(keyring=Keyring([Key.generate()]))

    async with talking_to(app_of_two(readers, staff)) as client:
        keys = (await client.get("/.well-known/jwks.json")).json()["keys"]

    assert len(keys) == 1


def test_both_of_two_open_and_close_with_the_app(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    second.mkdir()
    app = FastAPI()
    install(app, sqlite_auth(first))
    install(app, sqlite_auth(second), prefix="/staff/auth")

    with TestClient(app) as client:
        walk(client, "/auth")
        walk(client, "/staff/auth")


async def test_a_bearer_that_is_given_its_auth_needs_no_install() -> None:
    auth = make_auth()
    pair = await login_as(auth, await a_user(auth))
    app = FastAPI()

    @app.get("/hello")
    async def hello(token: Annotated[AccessClaims, Depends(AccessTokenBearer(auth))]) -> str:
        return str(token.subject)

    async with talking_to(app) as client:
        answer = await client.get("/hello", headers=bearer(pair.access_token))
        without = await client.get("/hello")
        garbage = await client.get("/hello", headers=bearer("garbage"))

    assert answer.status_code == 200
    assert told(without) == (401, "not_authenticated")
    assert told(garbage) == (401, "token_invalid")
    assert 'error="invalid_token"' in garbage.headers["www-authenticate"]


async def test_an_app_without_install_may_answer_our_errors_itself() -> None:
    app = FastAPI()

    @app.exception_handler(AuthError)
    async def own(_: object, __: AuthError) -> PlainTextResponse:
        return PlainTextResponse("our own page", 401)

    @app.get("/hello", dependencies=[Depends(AccessTokenBearer(make_auth()))])
    async def hello() -> None: ...

    async with talking_to(app) as client:
        answer = await client.get("/hello")

    assert (answer.status_code, answer.text) == (401, "our own page")


def test_two_under_one_prefix_are_refused() -> None:
    app = FastAPI()
    install(app, make_auth())

    with pytest.raises(ConfigurationError, match="already: choose another"):
        install(app, make_auth())


class OwnError(AuthError):
    """An error of the app's own."""

    code = "out_of_tea"
    detail = "There is no tea."


@pytest.mark.parametrize("refused_first", [False, True], ids=["before", "after"])
async def test_a_refused_token_changes_no_other_answer_of_an_app_without_install(
    refused_first: bool,
) -> None:
    app = FastAPI()

    @app.get("/hello", dependencies=[Depends(AccessTokenBearer(make_auth()))])
    async def hello() -> None: ...

    @app.get("/tea")
    async def tea() -> None:
        raise OwnError

    async with talking_to(app) as client:
        if refused_first:
            assert told(await client.get("/hello")) == (401, "not_authenticated")

        with pytest.raises(OwnError):
            await client.get("/tea")


async def test_an_app_may_answer_all_errors_of_the_library_by_one_handler() -> None:
    app = FastAPI()

    @app.exception_handler(TokenPairError)
    async def own(_: object, __: TokenPairError) -> PlainTextResponse:
        return PlainTextResponse("our own page", 401)

    @app.get("/hello", dependencies=[Depends(AccessTokenBearer(make_auth()))])
    async def hello() -> None: ...

    async with talking_to(app) as client:
        answer = await client.get("/hello")

    assert (answer.status_code, answer.text) == (401, "our own page")
