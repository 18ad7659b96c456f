"""OpenAPI responses: every error has the one schema `Problem`."""

from functools import cache
from typing import Any

from fastapi.utils import create_model_field
from pydantic import BaseModel, Field

from tokenpair.errors import (
    AccessTokenRequired,
    AuthError,
    ExpiredToken,
    InvalidInput,
    InvalidToken,
    NotAuthenticated,
    SessionEnded,
    StaleToken,
    Unavailable,
)
from tokenpair.fastapi.problems.answer import MEDIA_TYPE
from tokenpair.fastapi.problems.errors import PayloadTooLarge
from tokenpair.fastapi.problems.statuses import status_of

Responses = dict[int | str, dict[str, Any]]

ACCESS_ERRORS: tuple[type[AuthError], ...] = (
    NotAuthenticated,
    InvalidToken,
    ExpiredToken,
    StaleToken,
    SessionEnded,
    AccessTokenRequired,
    Unavailable,
)
"""Errors of an endpoint that requires an access token."""

BODY_ERRORS: tuple[type[AuthError], ...] = (InvalidInput, PayloadTooLarge)
"""Errors of an endpoint that takes a body."""

PUBLIC: dict[str, Any] = {"security": []}
"""The `openapi_extra` of an endpoint that takes no token."""

_FRAMEWORKS_REFUSAL = "HTTPValidationError"
# The first schema refers to the second.
_FRAMEWORKS_SCHEMAS = (_FRAMEWORKS_REFUSAL, "ValidationError")

_CHALLENGE = {
    "description": "How to authenticate (RFC 6750 §3); with `error` only if a token was sent. "
    "If the log-in is too old, with `max_age` in seconds (RFC 9470).",
    "schema": {"type": "string", "examples": ['Bearer realm="tokenpair"']},
}
_RETRY_AFTER = {
    "description": "When to send the request again, in seconds from now.",
    "schema": {"type": "integer", "minimum": 0, "examples": [1]},
}


class ProblemField(BaseModel):
    """What is wrong with one field; never its value."""

    field: str = Field(examples=["email"])
    reason: str = Field(examples=["is required"])


class Problem(BaseModel):
    """An error (RFC 9457). Some have further members."""

    type: str = Field(examples=["about:blank"])
    title: str = Field(examples=["Unauthorized"])
    status: int = Field(examples=[401])
    detail: str = Field(description="A sentence for people.", examples=["Not authenticated"])
    code: str = Field(description="A stable code for programs.", examples=["not_authenticated"])
    errors: list[ProblemField] | None = Field(
        None, description="The invalid fields; only a 422 has it."
    )


class _ProblemContent(dict[str, Any]):
    """The media types of a response that is always a problem.

    FastAPI writes the schema of a response's model under the media type of the route's own
    responses. This dict has it under the media type of problems instead. A ready schema would do
    the same, but only a model becomes a component of the document, to which each response refers.
    """

    def setdefault(self, key: str, default: Any = None) -> Any:  # noqa: ANN401, ARG002  As dict's.
        """Return the entry of problems for any media type that FastAPI asks for."""
        return super().setdefault(MEDIA_TYPE, default)


def problem_responses(*kinds: type[AuthError]) -> Responses:
    """Return the description of some errors for OpenAPI: the `responses=` of a route.

    They include "default", which stands for any other error. It also keeps FastAPI from describing
    a 422 in its own form, which our routes never answer.
    """
    by_status: dict[int, list[type[AuthError]]] = {}
    for kind in kinds:
        by_status.setdefault(status_of(kind), []).append(kind)
    responses: Responses = {
        status: _response(status, errors) for status, errors in by_status.items()
    }
    return responses | {"default": _problem("Any other error.")}


def without_problems(responses: Responses) -> Responses:
    """Return the responses that are not problems."""
    return {status: each for status, each in responses.items() if not _is_problem(each)}


def problem_fields(responses: Responses) -> dict[int | str, Any]:
    """Return the `response_fields` of a route for the problems among its responses.

    FastAPI would make a field, with a validator, for each: most of the time that `install` takes.
    """
    return {status: _problem_field() for status, each in responses.items() if _is_problem(each)}


@cache
def _problem_field() -> Any:  # noqa: ANN401  A `ModelField` of FastAPI, which exports no such name.
    return create_model_field(name="Problem", type_=Problem, mode="serialization")


def _is_problem(response: dict[str, Any]) -> bool:
    return response.get("model") is Problem


def describe_refusals(document: dict[str, Any]) -> None:
    """Describe every 422 as a problem, instead of FastAPI's own form.

    For an app that answers its errors as problems.
    """
    operations = [each for path in document["paths"].values() for each in path.values()]
    answers = [answer for each in operations for answer in each.get("responses", {}).items()]
    problem = next(
        (
            each["content"][MEDIA_TYPE]
            for _, each in answers
            if MEDIA_TYPE in each.get("content", {})
        ),
        {"schema": Problem.model_json_schema()},
    )
    for status, answer in answers:
        if status == "422" and _FRAMEWORKS_REFUSAL in str(answer.get("content")):
            answer["description"] = _lines([InvalidInput])
            answer["content"] = {MEDIA_TYPE: problem}
    schemas = document.get("components", {}).get("schemas", {})
    for name in _FRAMEWORKS_SCHEMAS:
        schema = schemas.pop(name, None)
        if schema and f"schemas/{name}'" in str(document):
            schemas[name] = schema  # The app's own answers refer to it.


def _response(status: int, kinds: list[type[AuthError]]) -> dict[str, Any]:
    response = _problem(_lines(kinds))
    headers = {}
    if status == 401:
        headers["WWW-Authenticate"] = _CHALLENGE
    if any(kind.retry_after is not None for kind in kinds):
        headers["Retry-After"] = _RETRY_AFTER
    return response | ({"headers": headers} if headers else {})


def _lines(kinds: list[type[AuthError]]) -> str:
    return "  \n".join(f"`{kind.code}`: {kind.detail}" for kind in kinds)


def _problem(description: str) -> dict[str, Any]:
    return {"description": description, "model": Problem, "content": _ProblemContent()}
