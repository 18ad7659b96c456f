"""`install` without some of its endpoints, and beside endpoints of the app."""

import logging
import re
from typing import Annotated, Any

import httpx2
import pytest
from fastapi import APIRouter, Depends, FastAPI, Header, HTTPException, Security
from fastapi.security import APIKeyHeader

from tests.docs.reading import ROOT
from tests.http.conftest import OPEN, bearer, talking_to, told
from tokenpair.errors import ConfigurationError
from tokenpair.fastapi import AccessTokenBearer, AccessTokenMiddleware, Profile, Text, install
from tokenpair.fastapi.endpoints import ENDPOINTS
from tokenpair.fastapi.registry import open_requests
from tokenpair.testing import PASSWORD, a_user, login_as, make_auth

ADA = {"email": "ada@example.com", "password": PASSWORD}
LINK = {"token": "A" * 64}
BODIES = {
    "signup": ADA,
    "login": ADA,
    "me.update": {},
    "email.change.confirm": {"token": ""},
    "email.verify": LINK,
    "password.forgot": {"email": ADA["email"]},
    "password.reset": LINK | {"new_password": ADA["password"]},
    "invitations.accept": {"token": "", "password": PASSWORD},
}
NAMES = sorted(ENDPOINTS)
USELESS_WITHOUT = {"refresh_token": ["refresh_token.get"], "jwks": ["metadata"]}


class Nicknamed(Profile):
    nickname: Text = ""


def url_of(name: str) -> str:
    endpoint = ENDPOINTS[name]
    path = endpoint.path.replace("{session_id}", "019a0000-0000-7000-8000-000000000000")
    return path if endpoint.at_root else f"/auth{path}"


async def is_there(client: httpx2.AsyncClient, name: str) -> bool:
    answer = await client.request(ENDPOINTS[name].method, url_of(name))
    return answer.json().get("detail") not in {"Not Found", "Method Not Allowed"}


def add_log_in(app: FastAPI | APIRouter, path: str = "/auth/login") -> None:
    @app.post(path, summary="Log in as the host does")
    async def log_in() -> str:
        return "theirs"


async def whose_log_in(app: FastAPI) -> str:
    """Return which endpoint answers a log-in without a body: "theirs" or "ours"."""
    async with talking_to(app) as client:
        answer = await client.post("/auth/login")
    return "theirs" if answer.status_code == 200 else told(answer)[1] and "ours"


def described(app: FastAPI, path: str = "/auth/login", method: str = "post") -> str:
    return str(app.openapi()["paths"][path][method]["summary"])


@pytest.mark.parametrize("name", NAMES)
async def test_what_is_left_out_is_not_there_and_all_else_is(name: str) -> None:
    app = FastAPI()
    install(app, make_auth(), profile=Nicknamed, without={name})

    async with talking_to(app) as client:
        missing = {each for each in NAMES if not await is_there(client, each)}
        document = app.openapi()["paths"]

    assert missing == {name, *USELESS_WITHOUT.get(name, ())}
    template = ENDPOINTS[name].path if ENDPOINTS[name].at_root else f"/auth{ENDPOINTS[name].path}"
    assert ENDPOINTS[name].method.lower() not in document.get(template, {})


def test_an_unknown_name_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ConfigurationError) as refused:
        install(FastAPI(), make_auth(), without={"sign_up"})

    assert "there is no endpoint 'sign_up'" in str(refused.value)
    assert all(repr(name) in str(refused.value) for name in NAMES)


async def test_a_single_name_is_not_taken_for_its_letters() -> None:
    app = FastAPI()

    install(app, make_auth(), without="login")

    async with talking_to(app) as client:
        assert not await is_there(client, "login")


def test_every_name_is_documented() -> None:
    text = (ROOT / "docs/reference/http.md").read_text()

    assert [name for name in NAMES if f"`{name}`" not in text] == []


def test_the_docstring_names_every_endpoint() -> None:
    assert set(re.findall(r'`"([a-z_.]+)"`', install.__doc__ or "")) == set(NAMES)


def guarded_app(**options: Any) -> FastAPI:
    app = FastAPI()
    install(app, make_auth(), **options)
    app.add_middleware(AccessTokenMiddleware)
    return app


@pytest.mark.parametrize("name", OPEN)
async def test_what_is_left_out_is_not_public(name: str) -> None:
    async def theirs() -> str:
        return "theirs"

    app = guarded_app(without={name})
    app.add_api_route(url_of(name), theirs, methods=[ENDPOINTS[name].method])

    async with talking_to(app) as client:
        answer = await client.request(ENDPOINTS[name].method, url_of(name))

    assert told(answer) == (401, "not_authenticated")


async def test_a_page_of_the_hosts_on_an_open_path_is_not_public() -> None:
    """Only our own endpoints are open: here POST, and not the host's GET."""
    app = guarded_app()

    @app.get("/auth/login")
    async def form() -> str:
        return "a form"

    async with talking_to(app) as client:
        assert told(await client.get("/auth/login")) == (401, "not_authenticated")
        assert told(await client.post("/auth/login")) == (422, "invalid_input")
        assert told(await client.put("/auth/login")) == (405, "method_not_allowed")


async def test_what_a_route_of_the_hosts_answers_in_our_place_is_not_public() -> None:
    app = FastAPI()
    add_log_in(app)
    install(app, make_auth())
    app.add_middleware(AccessTokenMiddleware)

    async with talking_to(app) as client:
        assert told(await client.post("/auth/login")) == (401, "not_authenticated")


def include_log_in(app: FastAPI) -> None:
    router = APIRouter()
    add_log_in(router)
    app.include_router(router)


@pytest.mark.parametrize("add", [add_log_in, include_log_in], ids=["route", "router"])
@pytest.mark.parametrize("is_first", [True, False], ids=["before", "after"])
async def test_with_ours_left_out_theirs_answers_and_is_described(
    add: Any, *, is_first: bool
) -> None:
    app = FastAPI()
    if is_first:
        add(app)
    install(app, make_auth(), without={"login"})
    if not is_first:
        add(app)

    assert await whose_log_in(app) == "theirs"
    assert described(app) == "Log in as the host does"


@pytest.mark.parametrize("add", [add_log_in, include_log_in], ids=["route", "router"])
async def test_a_route_before_ours_answers_and_is_described(
    add: Any, caplog: pytest.LogCaptureFixture
) -> None:
    app = FastAPI()
    add(app)
    install(app, make_auth())

    assert await whose_log_in(app) == "theirs"
    assert described(app) == "Log in as the host does"
    assert "without={'login'}" in caplog.text


# FastAPI itself warns that the two have one id.
@pytest.mark.filterwarnings("ignore:Duplicate Operation ID")
@pytest.mark.parametrize("add", [add_log_in, include_log_in], ids=["route", "router"])
async def test_a_route_after_ours_is_not_described_for_it_never_answers(
    add: Any, caplog: pytest.LogCaptureFixture
) -> None:
    app = FastAPI()
    install(app, make_auth())
    add(app)

    assert await whose_log_in(app) == "ours"
    assert described(app) == described(app) == "Log in"
    assert caplog.text.count("POST /auth/login of the app is unreachable") == 1
    assert_is_whole(app)


async def test_a_slash_more_does_not_describe_what_never_answers() -> None:
    app = FastAPI()
    install(app, make_auth())
    add_log_in(app, "/auth/login/")

    async with talking_to(app) as client:
        assert told(await client.post("/auth/login/"))[0] == 422
    assert "/auth/login/" not in app.openapi()["paths"]


async def test_a_page_that_answers_everything_else_hides_nothing_of_ours() -> None:
    app = FastAPI()
    install(app, make_auth())

    @app.post("/{path:path}")
    async def fallback(path: str) -> str:
        return path

    assert await whose_log_in(app) == "ours"
    assert described(app) == "Log in"
    assert described(app, "/{path}") == "Fallback"


async def test_what_hides_all_of_ours_is_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    app = FastAPI()

    @app.api_route("/{path:path}", methods=["GET", "POST", "PATCH", "DELETE"])
    async def everything(path: str) -> str:
        return path

    with caplog.at_level(logging.WARNING):
        install(app, make_auth(), profile=Nicknamed)

    assert len(caplog.records) == len(ENDPOINTS)


def test_two_of_ours_have_no_operation_id_in_common() -> None:
    app = FastAPI()
    install(app, make_auth(), profile=Nicknamed)
    install(app, make_auth(), prefix="/staff/auth", profile=Nicknamed)

    paths = app.openapi()["paths"]

    ids = [each["operationId"] for path in paths.values() for each in path.values()]
    assert len(ids) == len(set(ids))
    shared = [each for each in ENDPOINTS.values() if each.at_root]
    assert len(ids) == 2 * len(ENDPOINTS) - len(shared)
    assert_is_whole(app)


def assert_is_whole(app: FastAPI) -> None:
    """Require that the document contains everything that it refers to."""
    document = app.openapi()
    schemas = document["components"]["schemas"]
    referred = set(re.findall(r"#/components/schemas/([\w-]+)", str(document)))
    assert referred <= schemas.keys()


async def test_keys_are_published_of_those_that_do_not_leave_them_out() -> None:
    shy, open_ = make_auth(), make_auth()
    app = FastAPI()
    install(app, shy, without={"jwks"})
    install(app, open_, prefix="/open/auth")

    async with talking_to(app) as client:
        keys = (await client.get("/.well-known/jwks.json")).json()["keys"]

    assert [key["kid"] for key in keys] == [open_.keyring.signing.kid]


async def knock(x_pass: Annotated[str, Header(description="The door's word")] = "") -> None:
    if x_pass != "open sesame":
        raise HTTPException(403, "The door is shut.")


@pytest.mark.parametrize("name", NAMES)
async def test_dependencies_run_before_every_endpoint(name: str) -> None:
    app = FastAPI()
    install(app, make_auth(), profile=Nicknamed, dependencies=[Depends(knock)])

    async with talking_to(app) as client:
        method, url = ENDPOINTS[name].method, url_of(name)
        body = BODIES.get(name)
        shut = await client.request(method, url, json=body)
        passed = await client.request(method, url, headers={"X-Pass": "open sesame"}, json=body)

    assert told(shut) == (403, "forbidden")
    assert shut.json()["detail"] == "The door is shut."
    assert passed.status_code in {200, 201, 202, 400, 401}


async def test_behind_a_dependency_a_renewal_still_renews() -> None:
    auth = make_auth()
    app = FastAPI()
    install(app, auth, dependencies=[Depends(knock)])
    pair = await login_as(auth, await a_user(auth))
    headers = {**bearer(pair.refresh_token), "X-Pass": "open sesame"}

    async with talking_to(app) as client:
        answers = [
            await client.request(method, "/auth/refresh_token", headers=headers)
            for method in ("POST", "GET")
        ]

    assert [each.status_code for each in answers] == [200, 200]


@pytest.mark.parametrize("has_middleware", [False, True], ids=["bearer", "middleware"])
async def test_behind_an_access_token_no_endpoint_is_open(has_middleware: bool) -> None:
    auth = make_auth()
    app = FastAPI()
    install(app, auth, dependencies=[Depends(AccessTokenBearer(auth))])
    if has_middleware:
        app.add_middleware(AccessTokenMiddleware)
    pair = await login_as(auth, await a_user(auth))
    body = BODIES["login"]

    async with talking_to(app) as client:
        without = await client.post("/auth/login", json=body)
        with_it = await client.post("/auth/login", json=body, headers=bearer(pair.access_token))
        renewal = await client.post("/auth/refresh_token", headers=bearer(pair.refresh_token))

    assert open_requests(app) == frozenset()
    assert told(without) == (401, "not_authenticated")
    assert with_it.status_code == 200
    assert told(renewal) == (401, "access_token_required")


def test_dependencies_are_described() -> None:
    app = FastAPI()
    key = Security(APIKeyHeader(name="X-Key", scheme_name="FrontDoor"))
    install(app, make_auth(), dependencies=[Depends(knock), key])

    operations = [each for path in app.openapi()["paths"].values() for each in path.values()]

    for operation in operations:
        assert "x-pass" in {each["name"] for each in operation["parameters"]}
        assert any("FrontDoor" in each for each in operation["security"])


async def test_dependencies_of_one_installation_are_not_those_of_another() -> None:
    app = FastAPI()
    install(app, make_auth(), dependencies=[Depends(knock)])
    install(app, make_auth(), prefix="/staff/auth")

    async with talking_to(app) as client:
        assert told(await client.get("/auth/me")) == (403, "forbidden")
        assert told(await client.get("/staff/auth/me")) == (401, "not_authenticated")


@pytest.mark.parametrize("prefix", ["auth", "/auth/", "/"])
def test_a_prefix_that_is_no_prefix_is_refused(prefix: str) -> None:
    with pytest.raises(ConfigurationError, match="must look like '/auth'"):
        install(FastAPI(), make_auth(), prefix=prefix)
