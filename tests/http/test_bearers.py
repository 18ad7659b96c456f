from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Annotated, Any

import httpx2
import pytest
from fastapi import Depends, FastAPI, HTTPException

from tests.http.conftest import bearer, is_live, on_both_storages, renew, talking_to, told
from tokenpair import AccessClaims, Auth, Claims, RefreshClaims, TokenPair, User
from tokenpair.core.tokens.lifetimes import ACCESS
from tokenpair.errors import AuthError, InsufficientRole, SessionEnded
from tokenpair.fastapi import (
    AccessToken,
    AccessTokenBearer,
    CurrentUser,
    RefreshToken,
    RefreshTokenBearer,
    RoleChecker,
    TokenBearer,
    current_user,
    install,
)
from tokenpair.stores.memory import MemoryStorage
from tokenpair.testing import FakeClock, a_user, login_as, make_auth


class AdminBearer(AccessTokenBearer):
    def verify_token_data(self, token_data: AccessClaims) -> None:
        if "admin" not in token_data.roles:
            raise InsufficientRole


class CarelessAccessBearer(AccessTokenBearer):
    """Overrides the hook and forgets `super()`."""

    def verify_token_data(self, token_data: AccessClaims) -> None:
        pass


class CarelessRefreshBearer(RefreshTokenBearer):
    def verify_token_data(self, token_data: RefreshClaims) -> None:
        pass


class EitherBearer(TokenBearer):
    def verify_token_data(self, token_data: Claims) -> None:
        pass


class OutOfTea(AuthError):
    code = "out_of_tea"
    detail = "There is no tea."


class OwnErrorBearer(AccessTokenBearer):
    def verify_token_data(self, token_data: AccessClaims) -> None:
        raise OutOfTea(f"{len(token_data.roles)} roles")


class TeapotBearer(AccessTokenBearer):
    def verify_token_data(self, token_data: AccessClaims) -> None:
        raise HTTPException(418, f"no tea for {len(token_data.roles)} roles")


@pytest.fixture
def app(auth: Auth) -> FastAPI:
    app = FastAPI()
    install(app, auth)

    @app.get("/access")
    async def access(token: AccessClaims = Depends(AccessTokenBearer())) -> str:  # noqa: B008
        return str(token.session_id)

    @app.get("/access/annotated")
    async def access_annotated(token: AccessToken) -> str:
        return str(token.subject)

    @app.get("/refresh")
    async def refresh(token: RefreshToken) -> int:
        return token.generation

    @app.get("/base")
    async def base(token: Annotated[Claims, Depends(TokenBearer())]) -> str:
        return token.typ

    @app.get("/either")
    async def either(token: Annotated[Claims, Depends(EitherBearer())]) -> str:
        return token.typ

    @app.get("/admin")
    async def admin(token: Annotated[AccessClaims, Depends(AdminBearer())]) -> list[str]:
        return sorted(token.roles)

    @app.get("/careless/access")
    async def careless(token: Annotated[AccessClaims, Depends(CarelessAccessBearer())]) -> str:
        return token.typ

    @app.get("/careless/refresh")
    async def careless_refresh(
        token: Annotated[RefreshClaims, Depends(CarelessRefreshBearer())],
    ) -> str:
        return token.typ

    @app.get("/tea", dependencies=[Depends(TeapotBearer())])
    async def tea() -> None: ...

    @app.get("/own", dependencies=[Depends(OwnErrorBearer())])
    async def own() -> None: ...

    @app.get("/editors", dependencies=[Depends(RoleChecker(["editor", "admin"]))])
    async def editors() -> None: ...

    @app.get("/editor")
    async def editor(token: Annotated[AccessClaims, Depends(RoleChecker("editor"))]) -> str:
        return str(token.subject)

    @app.get("/me")
    async def me(user: CurrentUser) -> str:
        return user.email.typed

    return app


async def get(client: httpx2.AsyncClient, path: str, token: str) -> httpx2.Response:
    return await client.get(path, headers=bearer(token))


@pytest.mark.parametrize("bearer_class", [TokenBearer, AccessTokenBearer, RefreshTokenBearer])
def test_a_hook_that_is_async_is_refused(bearer_class: type[TokenBearer]) -> None:
    with pytest.raises(TypeError, match="must not be async"):

        class Patient(bearer_class):  # type: ignore[valid-type, misc]
            async def verify_token_data(self, token_data: Claims) -> None:
                raise InsufficientRole(str(token_data))


async def test_an_apps_own_error_is_answered(client: httpx2.AsyncClient, pair: TokenPair) -> None:
    response = await get(client, "/own", pair.access_token)

    assert told(response) == (400, "out_of_tea")


def test_no_bearer_can_be_told_its_kind_by_an_annotation_alone() -> None:
    """`TokenBearer[AccessClaims]` would look as if it took no refresh tokens."""
    assert not hasattr(TokenBearer, "__class_getitem__")


async def test_an_endpoint_gets_the_claims(
    client: httpx2.AsyncClient, auth: Auth, ada: User, pair: TokenPair
) -> None:
    session = (await auth.list_sessions(ada.id))[0]

    answers = [
        await get(client, "/access", pair.access_token),
        await get(client, "/access/annotated", pair.access_token),
        await get(client, "/refresh", pair.refresh_token),
        await get(client, "/me", pair.access_token),
    ]

    expected = [str(session.id), str(ada.id), 1, "ada@example.com"]
    assert [answer.json() for answer in answers] == expected


@pytest.mark.parametrize(
    "path", ["/access", "/access/annotated", "/admin", "/careless/access", "/editors", "/me"]
)
async def test_a_refresh_token_opens_no_endpoint(
    client: httpx2.AsyncClient, pair: TokenPair, path: str
) -> None:
    """T1."""
    response = await get(client, path, pair.refresh_token)

    assert told(response) == (401, "access_token_required")


@pytest.mark.parametrize("path", ["/refresh", "/careless/refresh"])
async def test_an_access_token_is_no_refresh_token(
    client: httpx2.AsyncClient, pair: TokenPair, path: str
) -> None:
    """T2."""
    response = await get(client, path, pair.access_token)

    assert told(response) == (401, "refresh_token_required")


@pytest.mark.parametrize(
    "path", ["/access", "/refresh", "/base", "/either", "/admin", "/editors", "/me"]
)
async def test_without_a_token_nothing_opens(client: httpx2.AsyncClient, path: str) -> None:
    response = await client.get(path)

    assert told(response) == (401, "not_authenticated")


async def test_the_base_classs_hook_must_be_overridden(
    client: httpx2.AsyncClient, pair: TokenPair
) -> None:
    with pytest.raises(NotImplementedError, match="override verify_token_data in a child class"):
        await get(client, "/base", pair.access_token)


@pytest.mark.parametrize("name", ["access_token", "refresh_token"])
async def test_a_child_of_the_base_class_takes_either_kind_through_every_check(
    client: httpx2.AsyncClient, clock: FakeClock, auth: Auth, pair: TokenPair, name: str
) -> None:
    token = getattr(pair, name)

    live = await get(client, "/either", token)
    await auth.log_out(pair.access_token)
    ended = await get(client, "/either", token)
    clock.advance(days=8)
    expired = await get(client, "/either", token)
    garbage = await get(client, "/either", "garbage")

    assert live.json() == ("at+jwt" if name == "access_token" else "rt+jwt")
    assert told(ended) == (401, "session_ended")
    assert told(expired) == (401, "token_expired")
    assert told(garbage) == (401, "token_invalid")


async def test_a_hook_may_demand_more(
    client: httpx2.AsyncClient, auth: Auth, ada: User, pair: TokenPair
) -> None:
    refused = await get(client, "/admin", pair.access_token)
    await auth.set_roles(ada.id, frozenset({"admin"}))
    renewed = await auth.renew(pair.refresh_token)
    accepted = await get(client, "/admin", renewed.access_token)

    assert told(refused) == (403, "insufficient_role")
    assert accepted.json() == ["admin"]


async def test_a_hook_of_a_refresh_bearer_may_demand_more(
    client: httpx2.AsyncClient, app: FastAPI, pair: TokenPair
) -> None:
    class Picky(RefreshTokenBearer):
        def verify_token_data(self, token_data: RefreshClaims) -> None:
            raise InsufficientRole(str(token_data))

    @app.get("/picky", dependencies=[Depends(Picky())])
    async def picky() -> None: ...

    assert told(await get(client, "/picky", pair.refresh_token)) == (403, "insufficient_role")


async def test_a_hook_may_raise_what_the_framework_answers(
    client: httpx2.AsyncClient, pair: TokenPair
) -> None:
    response = await get(client, "/tea", pair.access_token)

    assert (response.status_code, response.json()) == (418, {"detail": "no tea for 0 roles"})


@on_both_storages
async def test_a_disabled_users_session_is_refused_though_its_row_is_live(
    client: httpx2.AsyncClient, auth: Auth, ada: User, pair: TokenPair
) -> None:
    """Disabling ends the rows, too; if one is left, the user's state decides."""
    async with auth.storage.begin() as tx:
        await tx.users.set_disabled(ada.id, auth.clock())

    assert told(await renew(client, pair.refresh_token)) == (401, "session_ended")
    with pytest.raises(SessionEnded):
        await auth.verify_access(pair.access_token, check_session=True)


@on_both_storages
async def test_a_refresh_token_is_checked_against_its_sessions_row(
    client: httpx2.AsyncClient, auth: Auth, pair: TokenPair
) -> None:
    await auth.log_out(pair.access_token)

    response = await get(client, "/refresh", pair.refresh_token)

    assert told(response) == (401, "session_ended")


@on_both_storages
async def test_an_access_token_is_checked_against_its_sessions_row(
    client: httpx2.AsyncClient, auth: Auth, pair: TokenPair
) -> None:
    await auth.log_out(pair.refresh_token)

    response = await get(client, "/access", pair.access_token)

    assert told(response) == (401, "session_ended")


async def test_to_ask_for_a_refresh_token_does_not_renew(
    client: httpx2.AsyncClient, clock: FakeClock, pair: TokenPair
) -> None:
    for _ in range(3):
        clock.advance(minutes=5)
        await get(client, "/refresh", pair.refresh_token)

    response = await renew(client, pair.refresh_token)

    assert response.status_code == 200


@pytest.mark.parametrize(
    "dependency",
    [AccessTokenBearer(), RefreshTokenBearer(), RoleChecker("admin"), current_user],
    ids=["access", "refresh", "role", "user"],
)
async def test_without_install_a_bearer_says_to_call_it(
    pair: TokenPair, dependency: Callable[..., Any]
) -> None:
    forgetful = FastAPI()

    @forgetful.get("/", dependencies=[Depends(dependency)])
    async def guarded() -> None: ...

    async with talking_to(forgetful) as client:
        with pytest.raises(RuntimeError, match=r"call tokenpair\.fastapi\.install\(app, auth\)"):
            await get(client, "/", pair.access_token)


def test_openapi_keeps_the_two_kinds_apart(app: FastAPI) -> None:
    described = app.openapi()

    schemes = described["components"]["securitySchemes"]
    assert {"AccessTokenBearer", "RefreshTokenBearer"} <= schemes.keys()
    assert schemes["AccessTokenBearer"]["type"] == "http"
    assert schemes["AccessTokenBearer"]["scheme"] == "bearer"
    assert (
        schemes["AccessTokenBearer"]["description"] != schemes["RefreshTokenBearer"]["description"]
    )

    def security(method: str, path: str) -> object:
        return described["paths"][path][method].get("security")

    assert security("get", "/access") == [{"AccessTokenBearer": []}]
    assert security("get", "/refresh") == [{"RefreshTokenBearer": []}]
    assert security("get", "/auth/me") == [{"AccessTokenBearer": []}]
    assert security("get", "/editors") == [{"AccessTokenBearer": []}]
    assert security("post", "/auth/refresh_token") == [{"RefreshTokenBearer": []}]
    assert security("post", "/auth/login") == []
    assert security("post", "/auth/signup") == []


# Roles.


@pytest.mark.parametrize(
    ("roles", "path", "status"),
    [
        ("", "/editors", 403),
        ("reader", "/editors", 403),
        ("editor", "/editors", 200),
        ("admin", "/editors", 200),
        ("admin editor", "/editors", 200),
        ("admin", "/editor", 403),
        ("editor", "/editor", 200),
        ("edit", "/editor", 403),
        ("editors", "/editor", 403),
    ],
)
async def test_one_of_the_roles_is_enough(
    client: httpx2.AsyncClient, auth: Auth, roles: str, path: str, status: int
) -> None:
    pair = await login_as(auth, await a_user(auth, roles=roles))

    response = await get(client, path, pair.access_token)

    assert response.status_code == status


async def test_the_wrong_role_is_forbidden_without_a_challenge(
    client: httpx2.AsyncClient, pair: TokenPair
) -> None:
    response = await get(client, "/editors", pair.access_token)

    assert told(response) == (403, "insufficient_role")
    assert "www-authenticate" not in response.headers


@on_both_storages
async def test_a_demoted_users_access_token_is_stale_at_once(
    client: httpx2.AsyncClient, auth: Auth, ada: User
) -> None:
    """T5."""
    await auth.set_roles(ada.id, frozenset({"editor"}))
    pair = await login_as(auth, ada)
    before = await get(client, "/editors", pair.access_token)

    await auth.set_roles(ada.id, frozenset())
    demoted = await get(client, "/editors", pair.access_token)
    renewed = (await renew(client, pair.refresh_token)).json()
    after = await get(client, "/editors", renewed["access_token"])

    assert before.status_code == 200
    assert told(demoted) == (401, "token_stale")
    assert told(after) == (403, "insufficient_role")
    assert await is_live(client, renewed["access_token"])


@on_both_storages
async def test_roles_that_are_set_to_what_they_were_make_nothing_stale(
    client: httpx2.AsyncClient, auth: Auth, ada: User, pair: TokenPair
) -> None:
    await auth.set_roles(ada.id, frozenset())

    assert await is_live(client, pair.access_token)


# Starting and stopping.


class WatchedStorage(MemoryStorage):
    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []

    async def open(self, *, migrate: bool, access: timedelta | None = None) -> None:
        assert access == ACCESS
        self.seen.append(f"open, migrate={migrate}")

    async def close(self) -> None:
        self.seen.append("close")


async def test_the_storage_opens_and_closes_with_the_app() -> None:
    storage = WatchedStorage()
    app = FastAPI()
    install(app, make_auth(storage=storage))

    async with app.router.lifespan_context(app):
        opened = list(storage.seen)

    assert opened == ["open, migrate=True"]
    assert storage.seen == ["open, migrate=True", "close"]


async def test_the_apps_own_lifespan_still_runs() -> None:
    storage = WatchedStorage()

    @asynccontextmanager
    async def own(_: FastAPI) -> AsyncIterator[None]:
        storage.seen.append("app starts")
        yield
        storage.seen.append("app stops")

    app = FastAPI(lifespan=own)
    install(app, make_auth(storage=storage))

    async with app.router.lifespan_context(app):
        pass

    assert sorted(storage.seen) == ["app starts", "app stops", "close", "open, migrate=True"]


async def test_the_endpoints_are_where_the_app_wants_them() -> None:
    app = FastAPI()
    install(app, make_auth(), prefix="/api/v1/auth")

    async with talking_to(app) as client:
        there = await client.get("/api/v1/auth/me")
        not_there = await client.get("/auth/me")

    assert told(there) == (401, "not_authenticated")
    assert not_there.status_code == 404
