"""The OpenAPI document tells the truth, and nothing that it allows is a crash.

Every endpoint is called with what the document allows, odd as that may be, by somebody who is
logged in; each answer must be one that the document describes.
"""

from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import checks
from schemathesis.core.result import Ok

from tests.bookly.running import Running, running_bookly
from tokenpair.testing import PASSWORD

CHECKS = [
    checks.not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running_bookly(tmp_path_factory.mktemp("bookly")) as running:
        httpx2.post(
            f"{running.url}/api/v1/auth/signup",
            json={"email": "ada@example.com", "password": PASSWORD},
        )
        yield running


def bearer(server: Running) -> dict[str, str]:
    """Log in anew for each endpoint: log-out is one of them."""
    credentials = {"email": "ada@example.com", "password": PASSWORD}
    pair = httpx2.post(f"{server.url}/api/v1/auth/login", json=credentials).json()
    return {"Authorization": f"Bearer {pair['access_token']}"}


def test_every_answer_is_one_that_the_document_describes(server: Running) -> None:
    document = schemathesis.openapi.from_url(f"{server.url}/api/v1/openapi.json")

    for found in document.get_all_operations():
        assert isinstance(found, Ok)
        call_as_described(found.ok(), bearer(server))


def call_as_described(
    operation: schemathesis.APIOperation[Any, Any, Any, Any], headers: dict[str, str]
) -> None:
    """Call one endpoint many times, and hold each answer against the document."""

    @given(case=operation.as_strategy())
    @settings(
        max_examples=15, deadline=None, suppress_health_check=list(HealthCheck), database=None
    )
    def call(case: schemathesis.Case[Any]) -> None:
        case.validate_response(case.call(headers=headers), checks=CHECKS)

    call()
