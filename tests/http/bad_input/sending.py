"""Bodies with a canary in them, and the check that no answer and no log line repeats it."""

import json
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI

from tokenpair.fastapi import install
from tokenpair.testing import PASSWORD, make_auth

CANARY = "canary7f3a"

SAMPLES: dict[str, object] = {
    "email": "ada@example.com",
    "new_email": "ada@example.org",
    "password": PASSWORD,
    "current_password": PASSWORD,
    "new_password": "another correct horse battery",
    "token": "A" * 64,
}
"""A value of each field that is right by itself."""


@dataclass(frozen=True)
class Target:
    """An endpoint that reads a body of its own fields, and a body that suits its schema."""

    method: str
    path: str
    body: dict[str, object]
    required: frozenset[str]
    needs_body: bool

    def with_canary(self) -> str:
        """Return the body as JSON, with a canary in its first field."""
        first = next(iter(self.body))
        return json.dumps(self.body | {first: CANARY * 3})

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


def _targets() -> list[Target]:
    app = FastAPI()
    install(app, make_auth())
    document: Any = app.openapi()
    found = [
        _target(document, method.upper(), path, operation["requestBody"])
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
        if "requestBody" in operation
    ]
    return sorted((each for each in found if each.body), key=str)


def _target(document: Any, method: str, path: str, described: Any) -> Target:
    schema = described["content"]["application/json"]["schema"]
    options = schema.get("anyOf", [schema])
    name = next(each["$ref"] for each in options if "$ref" in each).rpartition("/")[2]
    model = document["components"]["schemas"][name]
    fields = model.get("properties", {})
    return Target(
        method=method,
        path=path,
        body={each: SAMPLES.get(each, "a") for each in fields},
        required=frozenset(model.get("required", ())),
        needs_body=described.get("required", False),
    )


TARGETS = _targets()
FIELDS = [(target, name) for target in TARGETS for name in target.body]

each_endpoint = pytest.mark.parametrize("target", TARGETS, ids=str)


def _each_of(fields: list[tuple[Target, str]]) -> pytest.MarkDecorator:
    ids = [f"{target} {name}" for target, name in fields]
    return pytest.mark.parametrize(("target", "field"), fields, ids=ids)


each_field = _each_of(FIELDS)
each_required_field = _each_of([each for each in FIELDS if each[1] in each[0].required])


def assert_no_echo(response: httpx2.Response, caplog: pytest.LogCaptureFixture) -> None:
    said = response.text + str(response.headers) + caplog.text
    assert CANARY not in said.lower()
    assert not any(CANARY in str(vars(record)).lower() for record in caplog.records)


def body(**changes: object) -> dict[str, object]:
    return {"email": "ada@example.com", "password": PASSWORD} | changes


async def send(
    client: httpx2.AsyncClient,
    target: Target,
    content: Any,
    content_type: str | None = "application/json",
    **headers: str,
) -> httpx2.Response:
    """Send a body; without a content type where it is None."""
    if content_type is not None:
        headers["Content-Type"] = content_type
    return await client.request(target.method, target.path, content=content, headers=headers)
