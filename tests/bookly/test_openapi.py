"""The OpenAPI document is right, and nothing that it allows causes a crash.

Each endpoint is called with generated input, valid and invalid by the document, with an access
token, with a refresh token, and without a token. Each answer must be one that the document
describes, and no answer a 500. The input is the same in every run.
"""

import contextlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import httpx2
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode, checks
from schemathesis.core.result import Ok

from tests.bookly.running import Running, running_bookly
from tests.servers import PostgresServer
from tests.waiting import LIMIT_SECONDS
from tokenpair.testing import PASSWORD

pytestmark = pytest.mark.long

CHECKS = [
    checks.not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
    checks.response_headers_conformance,
]


@dataclass
class Caller:
    """Calls the endpoints of one server, with a token of a kind or without.

    Many endpoints end the session or the account of their caller; then it gets a new account.
    """

    server: Running
    kind: str
    names: Iterator[int] = field(default_factory=count)
    email: str = ""
    headers: dict[str, str] = field(default_factory=dict)

    def enter(self) -> None:
        """Sign up a new account, and log in."""
        auth = f"{self.server.url}/api/v1/auth"
        self.email = f"{self.kind.replace(' ', '_')}{next(self.names)}@example.com"
        credentials = {"email": self.email, "password": PASSWORD}
        assert httpx2.post(f"{auth}/signup", json=credentials).status_code in {201, 409}
        if self.kind != "no token":
            pair = httpx2.post(f"{auth}/login", json=credentials).json()
            self.headers = {"Authorization": f"Bearer {pair[self.kind]}"}

    def known(self, body: Any) -> Any:
        """Put the caller's own password, address and newest mail token into a body."""
        if not isinstance(body, dict):
            return body
        known = {"password": PASSWORD, "current_password": PASSWORD, "email": self.email}
        links = re.findall(r"#token=([\w-]+)", (self.server.data_dir / "log.txt").read_text())
        if links:
            known["token"] = links[-1]
        return {name: known.get(name, value) for name, value in body.items()}

    def call(self, case: schemathesis.Case[Any]) -> None:
        """Send a request, and compare its answer with the document."""
        response = case.call(headers=self.headers, timeout=LIMIT_SECONDS)
        case.validate_response(response, checks=CHECKS)
        if response.status_code == 401 and self.kind == "access_token":
            self.enter()


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
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


@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: f"{mode.value} input")
@pytest.mark.parametrize("kind", ["access_token", "refresh_token", "no token"])
def test_every_answer_is_one_that_the_document_describes(
    server: Running, document: Any, kind: str, mode: GenerationMode
) -> None:
    caller = Caller(server, kind)
    for found in document.get_all_operations():
        assert isinstance(found, Ok)
        caller.enter()
        call_as_described(found.ok(), caller, mode)


def call_as_described(
    operation: schemathesis.APIOperation[Any, Any, Any, Any],
    caller: Caller,
    mode: GenerationMode,
) -> None:
    """Call one endpoint with generated input, and compare each answer with the document."""

    @given(case=operation.as_strategy(generation_mode=mode), is_known=st.booleans())
    @settings(
        max_examples=3,
        suppress_health_check=list(HealthCheck),
        database=None,
        derandomize=True,
    )
    def call(case: schemathesis.Case[Any], *, is_known: bool) -> None:
        if is_known and mode is GenerationMode.POSITIVE:
            case.body = caller.known(case.body)
        caller.call(case)

    if mode is GenerationMode.NEGATIVE:
        # An endpoint without input has no invalid input.
        with contextlib.suppress(Unsatisfiable):
            call()
    else:
        call()
