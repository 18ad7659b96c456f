"""The OpenAPI document is right, and nothing that it allows causes a crash.

Each endpoint is called with generated input, valid and invalid by the document, with an access
token, with a refresh token, and without a token. Each answer must be one that the document
describes, and no answer a 500.
"""

import contextlib
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode, checks
from schemathesis.core.result import Ok

from tests.bookly.running import Running, running_bookly
from tests.servers import PostgresServer
from tokenpair.testing import PASSWORD

CHECKS = [
    checks.not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
]


CREDENTIALS = {"email": "ada@example.com", "password": PASSWORD}


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgres", marks=pytest.mark.long)])
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Running]:
    options = []
    if request.param == "postgres":
        postgres_server: PostgresServer = request.getfixturevalue("postgres_server")
        options = ["--database-url", postgres_server.create_database()]
    with running_bookly(tmp_path_factory.mktemp("bookly"), *options) as running:
        yield running


@pytest.fixture(scope="module")
def document(server: Running) -> Any:
    """Read the document without its "any other error", which would allow every answer."""
    document = httpx2.get(f"{server.url}/api/v1/openapi.json").json()
    for operation in (each for path in document["paths"].values() for each in path.values()):
        operation["responses"].pop("default", None)
    loaded = schemathesis.openapi.from_dict(document)
    loaded.config.update(base_url=server.url)
    return loaded


def pair(server: Running) -> dict[str, str]:
    """Log in again for each endpoint: to log out and to delete the account are two of them."""
    httpx2.post(f"{server.url}/api/v1/auth/signup", json=CREDENTIALS)
    answer: dict[str, str] = httpx2.post(f"{server.url}/api/v1/auth/login", json=CREDENTIALS).json()
    return answer


@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: f"{mode.value} input")
@pytest.mark.parametrize(
    "kind",
    [
        "access_token",
        pytest.param("refresh_token", marks=pytest.mark.long),
        pytest.param("no token", marks=pytest.mark.long),
    ],
)
def test_every_answer_is_one_that_the_document_describes(
    request: pytest.FixtureRequest, server: Running, document: Any, kind: str, mode: GenerationMode
) -> None:
    examples = 10 if request.config.getoption("--long") else 4
    for found in document.get_all_operations():
        assert isinstance(found, Ok)
        token = "" if kind == "no token" else pair(server)[kind]
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        call_as_described(found.ok(), headers, mode, examples)


def call_as_described(
    operation: schemathesis.APIOperation[Any, Any, Any, Any],
    headers: dict[str, str],
    mode: GenerationMode,
    examples: int,
) -> None:
    """Call one endpoint with generated input, and compare each answer with the document."""

    @given(case=operation.as_strategy(generation_mode=mode))
    @settings(
        max_examples=examples, deadline=None, suppress_health_check=list(HealthCheck), database=None
    )
    def call(case: schemathesis.Case[Any]) -> None:
        case.validate_response(case.call(headers=headers), checks=CHECKS)

    if mode is GenerationMode.NEGATIVE:
        # An endpoint without input has no invalid input.
        with contextlib.suppress(Unsatisfiable):
            call()
    else:
        call()
