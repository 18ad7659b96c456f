"""How OpenAPI describes the library's routes, in any app."""

from collections.abc import Iterator
from typing import Any

from fastapi import APIRouter, FastAPI
from pydantic import BaseModel

from tests.http.conftest import talking_to
from tokenpair.fastapi import ACCESS_ERRORS, ProblemRoute, Profile, Text, install, problem_responses
from tokenpair.testing import make_auth

REFERENCE = {"$ref": "#/components/schemas/Problem"}
OPEN = {
    "sign_up_auth_signup_post",
    "log_in_auth_login_post",
    "confirm_email_change_auth_email_change_confirm_post",
    "verify_email_auth_email_verify_post",
    "forgot_password_auth_password_forgot_post",
    "reset_password_auth_password_reset_post",
    "accept_invitation_auth_invitations_accept_post",
    "jwks__well_known_jwks_json_get",
    "server_metadata__well_known_oauth_authorization_server_get",
}


class Nickname(Profile):
    nickname: Text = ""


def document_of(app: FastAPI, *, problems: bool = False) -> Any:
    install(app, make_auth(), profile=Nickname, problems=problems)
    return app.openapi()


def operations(document: Any) -> Iterator[Any]:
    for path in document["paths"].values():
        yield from path.values()


def errors(document: Any) -> Iterator[tuple[str, Any]]:
    for operation in operations(document):
        for status, response in operation["responses"].items():
            if not status.startswith("2"):
                yield status, response


def test_every_error_refers_to_one_component() -> None:
    document = document_of(FastAPI())

    described = list(errors(document))

    assert len(described) > 30
    for _, response in described:
        assert response["content"] == {"application/problem+json": {"schema": REFERENCE}}
    assert document["components"]["schemas"].keys() >= {"Problem", "ProblemField"}


def test_an_app_may_have_a_problem_of_its_own() -> None:
    class Problem(BaseModel):
        mathematical: bool

    app = FastAPI()

    @app.get("/problem")
    async def problem() -> Problem:
        return Problem(mathematical=True)

    document = document_of(app)

    names = [name for name in document["components"]["schemas"] if name.endswith("Problem")]
    assert len(names) == 2
    (reference,) = {str(response["content"]) for _, response in errors(document)}
    assert "tokenpair" in reference


def test_a_route_of_the_apps_own_describes_problems_by_the_same_component() -> None:
    app = FastAPI()

    @app.get("/", responses=problem_responses(*ACCESS_ERRORS))
    async def root() -> None: ...

    assert {str(response["content"]) for _, response in errors(document_of(app))} == {
        str({"application/problem+json": {"schema": REFERENCE}})
    }


def host_of_422(*, problems: bool) -> Any:
    """Return the document of an app with routes of each kind, before ours and after."""
    app, router = FastAPI(), APIRouter()
    strict = APIRouter(route_class=ProblemRoute)

    async def endpoint(number: int) -> None: ...

    app.add_api_route("/before", endpoint)
    install(app, make_auth(), profile=Nickname, problems=problems)
    app.openapi()  # The document may be requested before the app is complete.
    app.openapi_schema = None
    app.add_api_route("/after", endpoint)
    router.add_api_route("/included", endpoint)
    strict.add_api_route("/strict", endpoint)
    app.include_router(router)
    app.include_router(strict)
    return app.openapi()


def described_422(document: Any, path: str) -> Any:
    return document["paths"][path]["get"]["responses"].get("422")


def test_where_we_answer_a_422_the_frameworks_own_is_not_described() -> None:
    document = host_of_422(problems=False)

    ours = {path: each for path, each in document["paths"].items() if "auth" in path}
    assert "ValidationError" not in str(ours)
    assert described_422(document, "/strict") is None
    for path in ("/before", "/after", "/included"):
        assert "HTTPValidationError" in str(described_422(document, path))


def test_where_the_whole_app_answers_problems_every_422_is_one() -> None:
    document = host_of_422(problems=True)

    assert "ValidationError" not in str(document)
    for path in ("/before", "/after", "/included"):
        content = described_422(document, path)["content"]
        assert content == {"application/problem+json": {"schema": REFERENCE}}
        assert "invalid_input" in described_422(document, path)["description"]


def test_a_validation_error_of_the_apps_own_stays() -> None:
    class ValidationError(BaseModel):
        rule: str

    app = FastAPI()

    @app.get("/")
    async def root(number: int) -> ValidationError:
        return ValidationError(rule=str(number))

    document = document_of(app, problems=True)

    assert "HTTPValidationError" not in str(document)
    assert "ValidationError" in document["components"]["schemas"]


def test_addresses_have_a_format() -> None:
    schemas = document_of(FastAPI())["components"]["schemas"]

    for name in ("SignUp", "Credentials", "UserInfo"):
        assert schemas[name]["properties"]["email"]["format"] == "email", name


def test_an_endpoint_without_a_token_is_described_as_public() -> None:
    document = document_of(FastAPI())

    security = {each["operationId"]: each.get("security") for each in operations(document)}

    assert all(value is not None for value in security.values())
    assert {name for name, value in security.items() if value == []} == OPEN


def test_the_headers_of_an_error_are_described() -> None:
    document = document_of(FastAPI())

    for status, response in errors(document):
        headers = response.get("headers", {})
        may_be_tried_again = (
            status in {"429", "503"} or "token_superseded" in response["description"]
        )
        assert ("WWW-Authenticate" in headers) == (status == "401")
        assert ("Retry-After" in headers) == may_be_tried_again


async def test_the_public_keys_have_a_schema_that_they_fit() -> None:
    app = FastAPI()
    document = document_of(app)
    answer = document["paths"]["/.well-known/jwks.json"]["get"]["responses"]["200"]
    schema = document["components"]["schemas"]["PublicKey"]

    async with talking_to(app) as client:
        (key,) = (await client.get("/.well-known/jwks.json")).json()["keys"]

    assert answer["content"] == {
        "application/jwk-set+json": {"schema": {"$ref": "#/components/schemas/JwkSet"}}
    }
    assert set(schema["required"]) <= key.keys()
