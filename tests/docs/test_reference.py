"""The reference lists everything, and all links of the documents work."""

import ast
import inspect
import re
import runpy
from dataclasses import fields, is_dataclass
from pathlib import Path

import pytest
from fastapi import FastAPI

from bookly.ops.metrics import Metrics
from tests.docs.reading import DOCUMENTS, ROOT
from tokenpair import Settings, cli, errors, events
from tokenpair.cli.command import Command
from tokenpair.core.accounts.events import UserCreated
from tokenpair.core.events import Event, HookedEvent, RecordedEvent
from tokenpair.fastapi import Profile, Text, install
from tokenpair.fastapi.problems import errors as http_errors
from tokenpair.fastapi.problems.statuses import status_of
from tokenpair.testing import make_auth

README = (ROOT / "README.md").read_text()

OWN = (
    "https://github.com/tokenpair/tokenpair/blob/main/",
    "https://raw.githubusercontent.com/tokenpair/tokenpair/main/",
)
"""The README's links, which the package page shows too: they lead to files of this project."""


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_leads_somewhere(document: Path) -> None:
    for target in re.findall(r"\]\(([^)]+)\)", document.read_text()):
        if target.startswith("https://") and not target.startswith(OWN):
            continue
        path, _, anchor = target.removeprefix(OWN[0]).partition("#")
        path = path.removeprefix(OWN[1])
        folder = ROOT if target.startswith(OWN) else document.parent
        found = (folder / path).resolve() if path else document

        assert found.exists(), target
        if anchor:
            assert anchor in anchors(found.read_text()), target


def anchors(text: str) -> list[str]:
    """Return the anchors of a document's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", text, flags=re.MULTILINE)
    return [re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings]


def setting_names() -> set[str]:
    ours = {f"TOKENPAIR_{name.upper()}" for name in Settings.model_fields}
    return ours | {"BOOKLY_HOST", "BOOKLY_PORT", "BOOKLY_SAMPLES"}


def test_every_setting_is_in_the_reference_and_in_the_example() -> None:
    """V7.1.1."""
    reference = (ROOT / "docs/reference/settings.md").read_text()
    example = (ROOT / ".env.example").read_text()

    assert set(re.findall(r"`((?:TOKENPAIR|BOOKLY)_\w+)`", reference)) == setting_names()
    assert set(re.findall(r"^#(\w+)=", example, flags=re.MULTILINE)) == setting_names()


def test_the_example_holds_the_defaults() -> None:
    example = dict(
        re.findall(r"^#TOKENPAIR_(\w+)=(.+)$", (ROOT / ".env.example").read_text(), re.MULTILINE)
    )
    shown_otherwise = {"DATABASE_URL"}  # It has no default; an example is more useful.

    for name in example.keys() - shown_otherwise:
        default = Settings.model_fields[name.lower()].default
        assert example[name].removeprefix("./").lower() == str(default).lower(), name


def test_the_reference_holds_the_defaults() -> None:
    """V7.1.1."""
    reference = (ROOT / "docs/reference/settings.md").read_text()
    rows = dict(re.findall(r"^\| `TOKENPAIR_(\w+)` \| ([^|]*) \|", reference, re.MULTILINE))
    rows["POLL_MILLISECONDS"] = ""  # 250 or 50: the settings' own tests compare them.

    defaults = {
        name: field.default
        for name, field in Settings.model_fields.items()
        if field.default is not None
    }
    assert defaults.keys() <= {name.lower() for name in rows}
    for name, default in defaults.items():
        written = rows[name.upper()].strip().strip("`").removeprefix("./")
        assert written.lower() == str(default).lower(), name


def test_every_error_is_in_the_reference_with_its_status() -> None:
    reference = (ROOT / "docs/reference/errors.md").read_text()
    rows = re.findall(r"^\| (\d+) \| `(\w+)` \|", reference, flags=re.MULTILINE)
    kinds = [
        kind
        for module in (errors, http_errors)
        for _, kind in inspect.getmembers(module, inspect.isclass)
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
    """V6.1.3, V6.3.4."""
    app = FastAPI()
    install(app, make_auth(), prefix="", profile=Reader)
    paths = app.openapi()["paths"]
    served = {(method.upper(), path) for path, methods in paths.items() for method in methods}

    reference = (ROOT / "docs/reference/http.md").read_text()
    rows = re.findall(r"^\| ([A-Z]+)(?:, HEAD)? `([^`]+)`", reference, flags=re.MULTILINE)

    assert set(rows) == served


def test_every_command_is_in_the_reference_with_its_options() -> None:
    reference = (ROOT / "docs/reference/cli.md").read_text()
    rows = re.findall(
        r"^\| `tokenpair (\w+(?: [a-z][\w-]*)?)(.*?)` \|", reference, flags=re.MULTILINE
    )
    documented = {
        name: set(re.findall(r"--[\w-]+(?: [A-Z]+)?|[A-Z]+", rest)) for name, rest in rows
    }

    assert documented == {
        f"{group.name} {command.name}": taken_by(command)
        for group in cli.GROUPS
        for command in group.commands
    } | {command.name: taken_by(command) for command in cli.COMMANDS}


def taken_by(command: Command) -> set[str]:
    """Return the command's options, each with the name of its value, and its arguments."""
    usage = command.parser("tokenpair").format_usage()
    return set(re.findall(r"--[\w-]+(?: [A-Z]+)?|\b[A-Z]+\b", usage))


def test_the_python_reference_is_made_from_the_docstrings() -> None:
    """When this fails, run `uv run python docs/reference/make_python.py`."""
    script = runpy.run_path(str(ROOT / "docs/reference/make_python.py"))

    assert script["PAGE"].read_text() == script["page"]()


def test_the_python_reference_quotes_our_docstrings_alone() -> None:
    """Docstrings of the standard library change between versions of Python."""
    page = (ROOT / "docs/reference/python.md").read_text()
    modules = page.partition("\n## ")[2]
    prose = re.sub(r"(?ms)```.*?```|^[#|].*?$", "", modules)
    folders = (ROOT / "src/tokenpair", ROOT / "clients/python/src")
    modules_of_ours = [each for folder in folders for each in folder.rglob("*.py")]
    sources = "\n".join(each.read_text() for each in modules_of_ours)

    quoted = [line.strip() for line in prose.splitlines()[1:] if not line.startswith("`code` is")]

    assert [line for line in quoted if line not in sources] == []


def test_every_public_name_says_what_it_is() -> None:
    page = (ROOT / "docs/reference/python.md").read_text()

    rows = re.findall(r"^\| \[`(\w+)`\]\(#\w+\) \| (.*) \|$", page, flags=re.MULTILINE)

    assert {"Auth", "AccessToken", "install", "Storage", "SqlStorage"} <= {name for name, _ in rows}
    assert [name for name, sentence in rows if not sentence] == []


def test_the_events_are_those_that_can_happen() -> None:
    page = (ROOT / "docs/reference/events.md").read_text()

    rows = re.findall(r"^\| `(\w+)` \| (.*?) \|", page, flags=re.MULTILINE)

    bases: list[type[Event]] = [Event, RecordedEvent, HookedEvent, UserCreated]
    below = {kind.__name__: kind for base in bases for kind in subclasses(base)}
    happen = {name: below[name] for name in below.keys() - {base.__name__ for base in bases}}
    assert dict(rows) == {
        name: ", ".join(f"`{each}`" for each in field_names(event))
        for name, event in happen.items()
    }
    assert below.keys() | {"Event"} <= set(events.__all__)


def subclasses(base: type) -> list[type]:
    kinds: list[type] = base.__subclasses__()
    return [each for each in kinds if each.__module__.startswith("tokenpair")]


def field_names(kind: type) -> list[str]:
    return [each.name for each in fields(kind)] if is_dataclass(kind) else []


CATALOGUE = (ROOT / "docs/explanation/security.md").read_text()
ROW = r"[JTRWA]\d+|V\d+\.\d+\.\d+"
ROWS = re.findall(rf"^\| ({ROW}) \| .+ \| (.+) \|$", CATALOGUE, flags=re.MULTILINE)


def named_by_tests() -> dict[str, set[str]]:
    """Find the tests that name a row of the catalogue in their docstring."""
    found: dict[str, set[str]] = {}
    for path in (ROOT / "tests").rglob("test_*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                for row in re.findall(rf"\b(?:{ROW})\b", ast.get_docstring(node) or ""):
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


def test_every_attack_on_accounts_has_a_row() -> None:
    """The rows of the requirements are those that apply; the page says which are not met."""
    rows = [row for row, _ in ROWS]

    assert len(rows) == len(set(rows))
    assert {f"A{number}" for number in range(1, 19)} <= set(rows)
    assert sum(row.startswith("V6") for row in rows) >= 25
    assert sum(row.startswith("V7") for row in rows) >= 15


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


def test_every_metric_is_in_the_reference_with_its_labels_and_their_values() -> None:
    rows = re.findall(
        r"^\| `(\w+)` \|(.*?)\| (.*) \|$",
        (ROOT / "docs/reference/metrics.md").read_text(),
        flags=re.MULTILINE,
    )
    metrics = Metrics(make_auth())
    metrics.update()
    text = metrics.expose("")[0].decode()
    kinds = dict(re.findall(r"^# TYPE (\w+) (\w+)$", text, flags=re.MULTILINE))

    assert {name for name, _, _ in rows} == set(kinds)
    for name, labels, meaning in rows:
        assert ("Histogram" in meaning) is (kinds[name] == "histogram")
        for label, value in re.findall(rf'^{name}{{(\w+)="(\w+)"}}', text, flags=re.MULTILINE):
            assert label in labels
            assert f"`{value}`" in meaning
