"""Public linters and generators read Bookly's OpenAPI document without a complaint."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI

from tests.packaging.environments import Environment
from tests.tools import node_packages, node_program
from tokenpair.fastapi import install
from tokenpair.testing import make_auth

GENERATOR = ("openapi-python-client==0.29.1", "typer==0.27.*")


@pytest.fixture
def document(app: FastAPI) -> Any:
    return app.openapi()


@pytest.fixture
def path(document: Any, tmp_path: Path) -> Path:
    path = tmp_path / "openapi.json"
    path.write_text(json.dumps(document))
    return path


def operations(document: Any) -> list[Any]:
    return [operation for path in document["paths"].values() for operation in path.values()]


def test_operation_ids_are_short_and_unique(document: Any) -> None:
    names = [operation["operationId"] for operation in operations(document)]

    assert len(set(names)) == len(names)
    assert {"sign_up", "log_in", "renew", "renew_by_get", "list_books"} <= set(names)
    assert all(len(name) <= 20 for name in names)


def test_every_tag_that_is_used_is_described(document: Any) -> None:
    used = {tag for operation in operations(document) for tag in operation["tags"]}

    assert {tag["name"] for tag in document["tags"] if tag["description"]} == used


def test_an_operation_with_input_says_how_it_refuses_it(document: Any) -> None:
    for operation in operations(document):
        takes_input = operation["security"] or "requestBody" in operation
        statuses = operation["responses"].keys()
        assert not takes_input or any(status.startswith("4") for status in statuses)


@pytest.mark.long
def test_redocly_has_no_complaint(path: Path) -> None:
    config = node_packages() / "redocly.yaml"
    done = run("redocly", "lint", "--config", config, "--format", "json", path)

    assert json.loads(done.stdout)["totals"] == {"errors": 0, "warnings": 0, "ignored": 0}


@pytest.mark.long
def test_spectral_has_no_complaint(path: Path) -> None:
    ruleset = node_packages() / "spectral.yaml"
    done = run("spectral", "lint", "--quiet", "--ruleset", ruleset, "--format", "json", path)

    assert json.loads(done.stdout) == []


def run(program: str, *arguments: str | Path) -> "subprocess.CompletedProcess[str]":
    command = [*node_program(program), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def host_app() -> FastAPI:
    """A host app with the library in it."""
    app = FastAPI(title="Host")
    install(app, make_auth())
    return app


@pytest.mark.long
@pytest.mark.parametrize("host", [False, True], ids=["bookly", "any app"])
def test_a_client_is_generated_with_every_error_in_it(
    host: bool, document: Any, path: Path, tmp_path: Path
) -> None:
    if host:
        document = host_app().openapi()
        path.write_text(json.dumps(document))
    config = tmp_path / "config.yaml"
    config.write_text("post_hooks: []\n")  # It would format the generated code.
    environment = Environment.make(tmp_path / "venv", *GENERATOR)

    done = environment.run(
        "openapi-python-client",
        *("generate", "--path", path, "--output-path", "client", "--meta", "none"),
        *("--config", config),
        cwd=tmp_path,
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert "WARNING" not in done.stdout.upper()
    statuses = [status for each in operations(document) for status in each["responses"]]
    modules = (tmp_path / "client" / "api").rglob("*.py")
    read = sum(module.read_text().count("Problem.from_dict(") for module in modules)
    assert read == len([status for status in statuses if not status.startswith("2")]) > 30
