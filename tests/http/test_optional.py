"""An endpoint that also answers callers without a token."""

from typing import Annotated, Any

import pytest
from fastapi import Depends, FastAPI, Security
from fastapi.security import APIKeyHeader

from tests.http.conftest import bearer, talking_to, told
from tokenpair import AccessClaims, Auth, TokenPair
from tokenpair.errors import NotAuthenticated
from tokenpair.fastapi import (
    AccessToken,
    AccessTokenBearer,
    AccessTokenMiddleware,
    CurrentUser,
    OptionalAccessToken,
    OptionalBearer,
    access_token,
    install,
    optional_access_token,
)
from tokenpair.testing import a_user, login_as, make_auth, make_claims


class StaffBearer(AccessTokenBearer):
    scheme_name = "StaffToken"

    def verify_token_data(self, token_data: AccessClaims) -> None:
        if "staff" not in token_data.roles:
            raise NotAuthenticated


def add_endpoints(app: FastAPI) -> None:
    @app.get("/hello")
    async def hello(token: OptionalAccessToken) -> str:
        return str(token.subject) if token else "a stranger"

    @app.get("/both")
    async def both(token: AccessToken, maybe: OptionalAccessToken) -> bool:
        return token == maybe

    key = APIKeyHeader(name="X-Key", scheme_name="Key")

    @app.get("/key", dependencies=[Security(key)])
    async def with_key(token: OptionalAccessToken) -> bool:
        return token is None

    @app.get("/staff")
    async def staff(
        token: Annotated[AccessClaims | None, Depends(OptionalBearer(StaffBearer()))],
    ) -> bool:
        return token is not None

    @app.get("/required")
    async def required(token: AccessToken) -> str:
        return str(token.subject)

    @app.get("/account")
    async def account(user: CurrentUser) -> str:
        return user.email.typed


@pytest.fixture
def app(auth: Auth) -> FastAPI:
    app = FastAPI()
    install(app, auth)
    add_endpoints(app)
    return app


@pytest.mark.parametrize(
    "headers", [{}, {"Authorization": "Basic YTpi"}, {"Authorization": "Bearer "}], ids=str
)
async def test_without_a_token_there_are_no_claims(app: FastAPI, headers: dict[str, str]) -> None:
    async with talking_to(app) as client:
        answer = await client.get("/hello", headers=headers)

    assert (answer.status_code, answer.json()) == (200, "a stranger")


async def test_with_one_there_are_its_claims(app: FastAPI, pair: TokenPair) -> None:
    async with talking_to(app) as client:
        answers = [
            await client.get(path, headers=bearer(pair.access_token))
            for path in ("/hello", "/both")
        ]
        subject = (await client.get("/required", headers=bearer(pair.access_token))).json()

    assert [each.json() for each in answers] == [subject, True]


async def test_a_bad_token_is_refused_all_the_same(
    app: FastAPI, auth: Auth, pair: TokenPair
) -> None:
    header = ("Authorization", f"Bearer {pair.access_token}")

    async with talking_to(app) as client:
        garbage = await client.get("/hello", headers=bearer("garbage"))
        other_kind = await client.get("/hello", headers=bearer(pair.refresh_token))
        twice = await client.get("/hello", headers=[header, header])
        await auth.log_out(pair.access_token)
        ended = await client.get("/hello", headers=bearer(pair.access_token))

    assert told(garbage) == (401, "token_invalid")
    assert told(other_kind) == (401, "access_token_required")
    assert told(twice) == (400, "invalid_request")
    assert told(ended) == (401, "session_ended")


async def test_a_token_that_the_hook_rejects_as_not_authenticated_is_refused(
    app: FastAPI, pair: TokenPair
) -> None:
    async with talking_to(app) as client:
        without = await client.get("/staff")
        not_staff = await client.get("/staff", headers=bearer(pair.access_token))

    assert (without.status_code, without.json()) == (200, False)
    assert told(not_staff) == (401, "not_authenticated")


async def test_behind_the_middleware_a_public_path_may_ask(app: FastAPI, pair: TokenPair) -> None:
    app.add_middleware(AccessTokenMiddleware, public=["/hello"])

    async with talking_to(app) as client:
        without = await client.get("/hello")
        with_one = await client.get("/hello", headers=bearer(pair.access_token))

    assert without.json() == "a stranger"
    assert with_one.json() != "a stranger"


def security_of(document: dict[str, Any], path: str) -> object:
    return document["paths"][path]["get"].get("security")


def test_openapi_says_that_it_is_optional(app: FastAPI) -> None:
    document = app.openapi()

    assert security_of(document, "/hello") == [{"AccessTokenBearer": []}, {}]
    assert security_of(document, "/staff") == [{"StaffToken": []}, {}]
    assert security_of(document, "/required") == [{"AccessTokenBearer": []}]
    assert security_of(document, "/both") == [{"AccessTokenBearer": []}]
    assert security_of(document, "/key") == [{"Key": []}, {"AccessTokenBearer": []}]
    schemes = document["components"]["securitySchemes"]
    assert schemes.keys() == {"AccessTokenBearer", "RefreshTokenBearer", "StaffToken", "Key"}
    assert "x-optional" not in str(document)
    assert app.openapi() == document


async def test_an_app_without_our_endpoints_can_ask_too() -> None:
    auth = make_auth()
    pair = await login_as(auth, await a_user(auth))
    app = FastAPI()
    optional = OptionalBearer(AccessTokenBearer(auth))

    @app.get("/hello")
    async def hello(token: Annotated[AccessClaims | None, Depends(optional)]) -> bool:
        return token is None

    async with talking_to(app) as client:
        assert (await client.get("/hello")).json() is True
        assert (await client.get("/hello", headers=bearer(pair.access_token))).json() is False
        assert (await client.get("/hello", headers=bearer("garbage"))).status_code == 401


async def test_a_test_overrides_access_token(app: FastAPI, auth: Auth) -> None:
    ada = await a_user(auth)
    claims = make_claims(ada.id, roles="editor")
    app.dependency_overrides[access_token] = lambda: claims
    app.dependency_overrides[optional_access_token] = lambda: claims

    async with talking_to(app) as client:
        answers = [await client.get(path) for path in ("/required", "/hello", "/account")]

    assert [each.json() for each in answers] == [str(ada.id), str(ada.id), "ada@example.com"]
