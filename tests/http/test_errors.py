import logging
import re
from collections.abc import AsyncIterator, Iterator
from http import HTTPStatus

import httpx2
import pytest
from fastapi import APIRouter, FastAPI, HTTPException
from starlette.responses import PlainTextResponse

from tests.http.conftest import talking_to, told
from tokenpair import Auth, errors
from tokenpair.errors import (
    AuthError,
    FieldError,
    InvalidInput,
    ReauthenticationRequired,
    TokenError,
    Unavailable,
)
from tokenpair.fastapi import ProblemRoute, install
from tokenpair.fastapi.problems import errors as http_errors
from tokenpair.fastapi.problems.statuses import status_of, title_of
from tokenpair.testing import make_auth

STATUSES = {
    "invalid_request": 400,
    "mail_token_invalid": 400,
    "not_authenticated": 401,
    "invalid_credentials": 401,
    "token_invalid": 401,
    "token_expired": 401,
    "token_stale": 401,
    "access_token_required": 401,
    "refresh_token_required": 401,
    "session_ended": 401,
    "reauthentication_required": 401,
    "cross_site": 403,
    "insufficient_role": 403,
    "email_not_verified": 403,
    "sign_up_closed": 403,
    "wrong_password": 403,
    "not_found": 404,
    "token_superseded": 409,
    "email_taken": 409,
    "payload_too_large": 413,
    "invalid_input": 422,
    "too_many_requests": 429,
    "unavailable": 503,
}
MODULES = {errors.__name__, http_errors.__name__}
# These belong to no single route, only to routes of the app, or to cookies, which are off here.
OF_NO_ROUTE = {
    "cross_site",
    "email_not_verified",
    "insufficient_role",
    "invalid_request",
}


def leaves(kind: type[AuthError] = AuthError) -> Iterator[type[AuthError]]:
    children = [each for each in kind.__subclasses__() if each.__module__ in MODULES]
    if not children:
        yield kind
    for child in children:
        yield from leaves(child)


LEAVES = sorted(leaves(), key=lambda kind: kind.__name__)
every_leaf = pytest.mark.parametrize("kind", LEAVES, ids=lambda kind: kind.__name__)


def an_error(kind: type[AuthError]) -> AuthError:
    if kind is InvalidInput:
        return InvalidInput(FieldError("email", "is odd"))
    return kind("reason-canary")


def test_every_error_has_a_code_of_its_own_and_the_status_that_is_promised() -> None:
    statuses = {kind.code: status_of(kind) for kind in LEAVES}

    assert statuses == STATUSES
    assert len(statuses) == len(LEAVES)


@every_leaf
def test_every_error_is_in_the_drawing(kind: type[AuthError]) -> None:
    drawings = f"{errors.__doc__}{http_errors.__doc__}"

    assert re.search(rf"── {kind.__name__}  +\w", drawings)


@every_leaf
def test_a_detail_is_a_sentence_that_fits_into_a_header(kind: type[AuthError]) -> None:
    """RFC 6750 §3: printable ASCII, no quotation mark, no backslash."""
    assert re.fullmatch(r"[A-Z][\x20-\x21\x23-\x5b\x5d-\x7e]+", kind.detail)
    assert re.fullmatch(r"[a-z]+(_[a-z]+)*", kind.code)


def test_every_code_is_in_openapi(app: FastAPI) -> None:
    responses = [
        response
        for path in app.openapi()["paths"].values()
        for operation in path.values()
        for response in operation["responses"].values()
    ]
    documented = {
        code
        for response in responses
        for code in re.findall(r"^`(\w+)`: ", response["description"], re.MULTILINE)
    }

    assert documented == STATUSES.keys() - OF_NO_ROUTE


@pytest.fixture(scope="module")
def failing_app() -> FastAPI:
    """Build an app with its own routes and ours, which raise the error that a request names."""
    app = FastAPI()
    install(app, make_auth())
    strict = APIRouter(route_class=ProblemRoute)

    async def fail(code: str) -> None:
        raise next(an_error(kind) for kind in LEAVES if kind.code == code)

    app.get("/plain/{code}")(fail)
    strict.get("/strict/{code}")(fail)
    app.include_router(strict)
    return app


@pytest.mark.parametrize("where", ["plain", "strict"])
@every_leaf
async def test_every_error_is_answered_wherever_it_is_raised(
    failing_app: FastAPI, caplog: pytest.LogCaptureFixture, kind: type[AuthError], where: str
) -> None:
    caplog.set_level(logging.INFO)

    async with talking_to(failing_app) as client:
        response = await client.get(f"/{where}/{kind.code}")

    assert told(response) == (STATUSES[kind.code], kind.code)
    assert response.json()["detail"] == kind.detail
    assert "canary" not in response.text + str(response.headers)
    assert ("www-authenticate" in response.headers) is (response.status_code == 401)
    challenge = response.headers.get("www-authenticate", "")
    says_why = issubclass(kind, TokenError | ReauthenticationRequired)
    assert ("error=" in challenge) is says_why
    assert ("retry-after" in response.headers) is (kind.retry_after is not None)
    assert any(kind.code in record.getMessage() for record in caplog.records)


async def test_an_error_may_have_a_retry_after_of_its_own() -> None:
    app = FastAPI()
    install(app, make_auth())

    async def fail(seconds: int) -> None:
        raise Unavailable(retry_after=seconds) if seconds else Unavailable

    app.get("/{seconds}")(fail)

    async with talking_to(app) as client:
        answers = [await client.get(path) for path in ("/30", "/0")]

    assert [told(each) for each in answers] == [(503, "unavailable")] * 2
    assert [each.headers["retry-after"] for each in answers] == ["30", "1"]


async def test_our_failures_are_logged_as_warnings_and_the_clients_are_not(
    failing_app: FastAPI, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)

    async with talking_to(failing_app) as client:
        await client.get("/plain/unavailable")
        await client.get("/auth/me")

    levels = [each.levelno for each in caplog.records if each.name.startswith("tokenpair")]
    assert levels == [logging.WARNING, logging.INFO]
    assert "reason-canary" in caplog.text


async def crash() -> None:
    raise ZeroDivisionError("canary of a crash")


async def teapot() -> None:
    raise HTTPException(418, "short and stout", headers={"X-Spout": "yes"})


async def number(number: int) -> int:
    return number


async def with_status(status: int) -> None:
    raise HTTPException(status)


async def structured() -> None:
    raise HTTPException(400, {"why": "because"})


def an_app(*, problems: bool) -> FastAPI:
    app = FastAPI()
    install(app, make_auth(), problems=problems)
    app.get("/crash")(crash)
    app.get("/teapot")(teapot)
    app.get("/number")(number)
    app.get("/statuses/{status}")(with_status)
    app.get("/structured")(structured)
    return app


@pytest.fixture(scope="module")
def plain_app() -> FastAPI:
    return an_app(problems=False)


@pytest.fixture(scope="module")
def problematic_app() -> FastAPI:
    return an_app(problems=True)


@pytest.fixture
async def plain(plain_app: FastAPI) -> AsyncIterator[httpx2.AsyncClient]:
    async with talking_to(plain_app, raise_app_exceptions=False) as client:
        yield client


@pytest.fixture
async def problematic(problematic_app: FastAPI) -> AsyncIterator[httpx2.AsyncClient]:
    async with talking_to(problematic_app, raise_app_exceptions=False) as client:
        yield client


@pytest.mark.parametrize(
    ("method", "path", "status", "body"),
    [
        ("GET", "/missing", 404, '{"detail":"Not Found"}'),
        ("PUT", "/teapot", 405, '{"detail":"Method Not Allowed"}'),
        ("GET", "/teapot", 418, '{"detail":"short and stout"}'),
        ("GET", "/structured", 400, '{"detail":{"why":"because"}}'),
        ("GET", "/crash", 500, "Internal Server Error"),
    ],
)
async def test_the_apps_own_answers_stay_as_they_are(
    plain: httpx2.AsyncClient, method: str, path: str, status: int, body: str
) -> None:
    response = await plain.request(method, path)

    assert (response.status_code, response.text) == (status, body)


async def test_the_apps_own_validation_errors_stay_as_they_are(plain: httpx2.AsyncClient) -> None:
    response = await plain.get("/number?number=seven")

    assert response.status_code == 422
    assert response.json()["detail"][0]["input"] == "seven"


async def test_an_apps_own_handlers_are_not_replaced(auth: Auth) -> None:
    app = FastAPI()

    async def own(_: object, __: Exception) -> PlainTextResponse:
        return PlainTextResponse("our own page", 404)

    app.add_exception_handler(404, own)
    install(app, auth)

    async with talking_to(app) as client:
        response = await client.get("/missing")

    assert response.text == "our own page"


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/missing", 404, "not_found"),
        ("PUT", "/teapot", 405, "method_not_allowed"),
        ("GET", "/teapot", 418, "im_a_teapot"),
        ("GET", "/number", 422, "invalid_input"),
        ("GET", "/number?number=canary", 422, "invalid_input"),
        ("GET", "/statuses/canary", 404, "not_found"),
        ("GET", "/crash", 500, "internal_error"),
        ("GET", "/auth/me", 401, "not_authenticated"),
        ("POST", "/auth/signup", 422, "invalid_input"),
    ],
)
async def test_with_problems_every_error_is_one(
    problematic: httpx2.AsyncClient, method: str, path: str, status: int, code: str
) -> None:
    response = await problematic.request(method, path)

    assert told(response) == (status, code)
    assert "canary" not in response.text
    assert "ZeroDivision" not in response.text


async def test_a_problem_keeps_the_headers_of_the_error(problematic: httpx2.AsyncClient) -> None:
    teapot = await problematic.get("/teapot")
    wrong_method = await problematic.put("/teapot")

    assert teapot.headers["x-spout"] == "yes"
    assert wrong_method.headers["allow"] == "GET"


async def test_a_problem_of_a_field_names_it_with_a_reason(
    problematic: httpx2.AsyncClient,
) -> None:
    response = await problematic.get("/number?number=canary")

    assert [error.keys() for error in response.json()["errors"]] == [{"field", "reason"}]
    assert response.json()["errors"][0]["field"] == "number"


@pytest.mark.parametrize("status", [499, 520, 599])
async def test_a_status_without_a_name_is_no_crash(
    problematic: httpx2.AsyncClient, status: int
) -> None:
    response = await problematic.get(f"/statuses/{status}")

    assert response.status_code == status
    assert response.json()["status"] == status


@pytest.mark.parametrize("status", [204, 304])
async def test_a_status_without_a_body_gets_no_body(
    problematic: httpx2.AsyncClient, status: int
) -> None:
    response = await problematic.get(f"/statuses/{status}")

    assert (response.status_code, response.content) == (status, b"")


@pytest.mark.parametrize(
    ("path", "methods"), [("/auth/me", "DELETE, GET"), ("/auth/refresh_token", "GET, POST")]
)
async def test_a_method_that_is_not_allowed_is_told_all_that_are(
    client: httpx2.AsyncClient, path: str, methods: str
) -> None:
    """RFC 9110 §15.5.6."""
    response = await client.put(path)

    assert response.status_code == 405
    assert sorted(response.headers["allow"].split(", ")) == methods.split(", ")


async def test_without_profile_fields_there_is_nothing_to_change() -> None:
    app = FastAPI()
    install(app, make_auth())

    async with talking_to(app) as client:
        response = await client.patch("/auth/me", json={})

    assert response.status_code == 405
    assert response.headers["allow"] == "GET, DELETE"


@pytest.mark.parametrize(
    ("status", "title", "code"),
    [
        (413, "Content Too Large", "payload_too_large"),
        (414, "URI Too Long", "uri_too_long"),
        (416, "Range Not Satisfiable", "range_not_satisfiable"),
        (418, "I'm a Teapot", "im_a_teapot"),
        (422, "Unprocessable Content", "unprocessable_content"),
        (505, "HTTP Version Not Supported", "http_version_not_supported"),
    ],
)
async def test_titles_and_codes_are_the_same_on_every_python(
    status: int, title: str, code: str
) -> None:
    app = FastAPI()
    install(app, make_auth(), problems=True)

    @app.get("/fails")
    async def fail() -> None:
        raise HTTPException(status)

    async with talking_to(app) as client:
        problem = (await client.get("/fails")).json()

    assert (problem["title"], problem["code"]) == (title, code)
    assert problem["detail"] == title


async def test_the_title_of_a_422_is_the_same_on_every_python(app: FastAPI) -> None:
    async with talking_to(app) as client:
        answer = await client.post("/auth/login", json={})

    assert told(answer) == (422, "invalid_input")
    assert answer.json()["title"] == "Unprocessable Content"


def test_every_status_of_python_has_a_name_of_ours() -> None:
    nameless = [each for each in HTTPStatus if each >= 300 and title_of(each) == "Error"]

    assert nameless == []
