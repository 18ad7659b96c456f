"""What the documents say is so: commands run, tables are complete, links lead on."""

import ast
import inspect
import os
import re
import stat
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import typer
from fastapi import FastAPI
from starlette.testclient import TestClient

import tokenpair.fastapi
from tests.bookly.running import running_bookly
from tokenpair import Settings, cli, errors
from tokenpair.fastapi import Profile, Text, install
from tokenpair.fastapi.problems import status_of
from tokenpair.testing import PASSWORD, make_auth

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
DOCUMENTS = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]

# Stands in for curl where there is none: what the walk uses of it, and nothing else.
CURL = """#!{python}
import sys, httpx2
arguments, headers, options = iter(sys.argv[1:]), {{}}, {{}}
for argument in arguments:
    if argument == "-s":
        continue
    elif argument in ("-X", "-o", "--json"):
        options[argument] = next(arguments)
    elif argument == "-H":
        name, _, value = next(arguments).partition(": ")
        headers[name] = value
    else:
        url = argument
body = options.get("--json")
if body:
    headers["Content-Type"] = "application/json"
method = options.get("-X", "POST" if body else "GET")
answer = httpx2.request(method, url, headers=headers, content=body)
print(answer.text, end="", file=open(options["-o"], "w") if "-o" in options else sys.stdout)
"""


def blocks(text: str, language: str) -> list[str]:
    """Give the fenced blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)


def masked(printed: str) -> str:
    """Hide what differs from run to run: ids and times."""
    return re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}|\d{4}-\d\d-\d\dT[\d:.]+Z", "…", printed).strip()


def test_the_walk_with_curl_prints_what_the_readme_has_recorded(tmp_path: Path) -> None:
    shim = tmp_path / "bin" / "curl"
    shim.parent.mkdir()
    shim.write_text(CURL.format(python=sys.executable))
    shim.chmod(shim.stat().st_mode | stat.S_IXUSR)
    path = f"{shim.parent}:{Path(sys.executable).parent}:{os.environ['PATH']}"
    data = tmp_path / "data"
    data.mkdir()
    recorded = re.findall(
        r"^\$ (.+)\n((?:(?!\$ ).+\n)*)", "".join(blocks(README, "console")), flags=re.MULTILINE
    )

    with running_bookly(data) as bookly:
        # One shell for all, as a reader has; a mark after each command parts what they print.
        script = "".join(f"{command}\necho; echo =====\n" for command, _ in recorded)
        done = subprocess.run(
            ["sh"],
            input=script.replace("http://127.0.0.1:8000", bookly.url),
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env={"PATH": path},
            check=True,
        )

    printed = done.stdout.split("=====\n")
    assert len(recorded) >= 9
    for (command, expected), actual in zip(recorded, printed, strict=False):
        assert masked(actual) == masked(expected), command
    assert done.stderr == ""


def test_the_five_lines_of_the_readme_are_an_app(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    code = next(block for block in blocks(README, "python") if "install(" in block)
    module: dict[str, Any] = {"__name__": "main"}
    exec(code, module)

    with TestClient(module["app"]) as client:
        body = {"email": "ada@example.com", "password": PASSWORD}
        user = client.post("/auth/signup", json=body).json()
        pair = client.post("/auth/login", json=body).json()
        said = client.get("/hello", headers={"Authorization": f"Bearer {pair['access_token']}"})

    assert said.json() == f"hello {user['id']}"


def test_the_tutorials_app_is_the_readmes() -> None:
    tutorial = (ROOT / "docs/tutorial/README.md").read_text()

    assert blocks(tutorial, "python")[0] in blocks(README, "python")


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_python_block_runs(document: Path) -> None:
    app = FastAPI()
    auth = make_auth()
    module: dict[str, Any] = {"__name__": "main", "app": app, "auth": auth, "install": install}
    skipped = "Auth.from_settings()"  # Makes files; it has a test of its own.

    for block in blocks(document.read_text(), "python"):
        if skipped not in block:
            exec(compile(block, str(document), "exec"), module)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_leads_somewhere(document: Path) -> None:
    for target in re.findall(r"\]\(([^)]+)\)", document.read_text()):
        if target.startswith("https://"):
            continue
        path, _, anchor = target.partition("#")
        found = (document.parent / path).resolve() if path else document

        assert found.exists(), target
        if anchor:
            assert anchor in anchors(found.read_text()), target


def anchors(text: str) -> list[str]:
    """Give the anchors of a document's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", text, flags=re.MULTILINE)
    return [re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings]


def setting_names() -> set[str]:
    ours = {f"TOKENPAIR_{name.upper()}" for name in Settings.model_fields}
    return ours | {"BOOKLY_HOST", "BOOKLY_PORT"}


def test_every_setting_is_in_the_reference_and_in_the_example() -> None:
    reference = (ROOT / "docs/reference/settings.md").read_text()
    example = (ROOT / ".env.example").read_text()

    assert set(re.findall(r"`((?:TOKENPAIR|BOOKLY)_\w+)`", reference)) == setting_names()
    assert set(re.findall(r"^#(\w+)=", example, flags=re.MULTILINE)) == setting_names()


def test_the_example_holds_the_defaults() -> None:
    example = dict(
        re.findall(r"^#TOKENPAIR_(\w+)=(.+)$", (ROOT / ".env.example").read_text(), re.MULTILINE)
    )
    shown_otherwise = {"DATABASE_URL"}  # There is none; an example is more use.

    for name in example.keys() - shown_otherwise:
        default = Settings.model_fields[name.lower()].default
        assert example[name].removeprefix("./").lower() == str(default).lower(), name


def test_every_error_is_in_the_reference_with_its_status() -> None:
    reference = (ROOT / "docs/reference/errors.md").read_text()
    rows = re.findall(r"^\| (\d+) \| `(\w+)` \|", reference, flags=re.MULTILINE)
    kinds = [
        kind
        for _, kind in inspect.getmembers(errors, inspect.isclass)
        if issubclass(kind, errors.AuthError) and hasattr(kind, "code")
    ]

    documented = {code: int(status) for status, code in rows}
    frameworks_own = {"method_not_allowed", "internal_error"}
    assert documented.keys() == {kind.code for kind in kinds} | frameworks_own
    for kind in kinds:
        assert documented[kind.code] == status_of(kind)


class Reader(Profile):
    nickname: Text | None = None


def test_every_endpoint_is_in_the_reference() -> None:
    app = FastAPI()
    install(app, make_auth(), prefix="", profile=Reader)
    paths = app.openapi()["paths"]
    served = {(method.upper(), path) for path, methods in paths.items() for method in methods}

    reference = (ROOT / "docs/reference/http.md").read_text()
    documented = set(re.findall(r"^\| ([A-Z]+) `([^`]+)`", reference, flags=re.MULTILINE))

    assert documented == served


def test_every_command_is_in_the_reference() -> None:
    reference = (ROOT / "docs/reference/cli.md").read_text()
    documented = set(re.findall(r"`tokenpair (\w+ \w+)[ `]", reference))
    command = typer.main.get_command(cli.app)
    groups: dict[str, Any] = getattr(command, "commands", {})

    assert documented == {
        f"{group} {name}" for group, commands in groups.items() for name in commands.commands
    }


@pytest.mark.parametrize("module", [tokenpair, tokenpair.fastapi], ids=lambda each: each.__name__)
def test_every_public_name_is_in_the_reference(module: ModuleType) -> None:
    reference = (ROOT / "docs/reference/python.md").read_text()
    section = reference.split(f"\n## {module.__name__}\n")[1].split("\n## ")[0]

    documented = re.findall(r"^\| `(\w+)` \|", section, flags=re.MULTILINE)

    assert sorted(documented) == sorted(module.__all__)


def test_every_call_of_auth_is_in_the_reference() -> None:
    reference = (ROOT / "docs/reference/python.md").read_text()
    opening = {"open", "close"}  # `async with` does it.
    calls = {
        name
        for name in dir(make_auth())
        if not name.startswith("_") and inspect.iscoroutinefunction(_called(name))
    }

    assert set(re.findall(r"`auth\.(\w+)\(", reference)) == calls - opening


def _called(name: str) -> object:
    """Give the function behind an attribute of `Auth`: a method, or a flow's `__call__`."""
    attribute = getattr(make_auth(), name)
    return attribute if inspect.iscoroutinefunction(attribute) else type(attribute).__call__


CATALOGUE = (ROOT / "docs/explanation/security.md").read_text()
ROWS = re.findall(r"^\| ([JTRWA]\d+) \| .+ \| (.+) \|$", CATALOGUE, flags=re.MULTILINE)


def named_by_tests() -> dict[str, set[str]]:
    """Find the tests that name a row of the catalogue in their docstring."""
    found: dict[str, set[str]] = {}
    for path in (ROOT / "tests").rglob("test_*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                for row in re.findall(r"\b[JTRWA]\d+\b", ast.get_docstring(node) or ""):
                    found.setdefault(row, set()).add(node.name)
    return found


def test_every_row_of_the_catalogue_names_tests_that_are_there() -> None:
    tests = {
        node.name
        for path in (ROOT / "tests").rglob("test_*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }

    assert len(ROWS) > 40
    for row, names in ROWS:
        assert set(re.findall(r"`(test_\w+)`", names)) <= tests, row


def test_every_row_that_a_test_names_is_in_the_catalogue() -> None:
    by_row = named_by_tests()

    assert by_row.keys() == {row for row, _ in ROWS}
    for row, names in ROWS:
        assert by_row[row] & set(re.findall(r"`(test_\w+)`", names)), row


def test_the_readmes_table_of_ways_is_the_explanations() -> None:
    explanation = (ROOT / "docs/explanation/renewal.md").read_text()
    rows = [line for line in README.splitlines() if line.startswith(("| no rot", "| strict rot"))]

    assert len(rows) == 2
    assert all(row in explanation for row in rows)
