"""`bookly.http`, sent as a REST client sends it: each request gets the answer that it expects."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.bookly.jetbrains import COLLECTION, ROOT, WRITTEN, jetbrains
from tests.bookly.running import running_bookly
from tests.tools import node_program


@dataclass
class Step:
    """One request of the collection."""

    title: str
    method: str
    url: str
    headers: dict[str, str]
    body: str
    status: int
    code: str
    name: str


@dataclass
class RestClient:
    """Fills in {{variables}}, and stores the answers to named requests."""

    variables: dict[str, str]
    answers: dict[str, Any] = field(default_factory=dict)

    def fill(self, text: str) -> str:
        while found := re.search(r"{{(.+?)}}", text):
            text = text.replace(found[0], self._value(found[1]))
        return text

    def send(self, step: Step) -> httpx2.Response:
        answer = httpx2.request(
            step.method,
            self.fill(step.url),
            headers={name: self.fill(value) for name, value in step.headers.items()},
            content=self.fill(step.body) or None,
        )
        if step.name:
            self.answers[step.name] = answer.json()
        return answer

    def _value(self, name: str) -> str:
        if ".response.body." not in name:
            return self.variables[name]
        request, _, member = name.partition(".response.body.")
        return str(self.answers[request][member])


def steps() -> Iterator[Step]:
    """Read the requests of the collection."""
    for block in re.split(r"^###", COLLECTION.read_text(), flags=re.MULTILINE)[1:]:
        head, _, body = block.strip().partition("\n\n")
        title, *lines = head.splitlines()
        notes = [line.removeprefix("# ") for line in lines if line.startswith("#")]
        (method, url), *headers = (line.split(" ", 1) for line in lines if not line.startswith("#"))
        expected = next(note for note in notes if note.startswith("@expect ")).split()
        name = next((note.split()[1] for note in notes if note.startswith("@name ")), "")
        yield Step(
            title=title,
            method=method,
            url=url,
            headers={header.rstrip(":"): value for header, value in headers},
            body=body,
            status=int(expected[1]),
            code=expected[2] if len(expected) > 2 else "",
            name=name,
        )


def variables() -> dict[str, str]:
    """Read the variables at the collection's head."""
    return dict(re.findall(r"^@(\w+) = (.+)$", COLLECTION.read_text(), flags=re.MULTILINE))


def test_every_request_of_the_collection_is_answered_as_it_says(tmp_path: Path) -> None:
    with running_bookly(tmp_path) as bookly:
        client = RestClient(variables() | {"host": bookly.url})

        for step in steps():
            answer = client.send(step)

            assert answer.status_code == step.status, (step.title, answer.text)
            if step.code:
                assert answer.json()["code"] == step.code, step.title


def test_the_collection_asks_where_bookly_listens_by_default() -> None:
    assert variables()["host"] == "http://127.0.0.1:8000"


@pytest.mark.parametrize("sentence", ["access token", "refresh token"])
def test_the_collection_quotes_the_courses_sentences(sentence: str) -> None:
    assert f'"Please provide a valid {sentence}"' in COLLECTION.read_text()


def test_jetbrains_editors_have_the_same_walk_in_their_syntax() -> None:
    """When this fails, run `uv run python -m tests.bookly.jetbrains`."""
    assert WRITTEN.read_text() == jetbrains(COLLECTION.read_text())


def sent_by_httpyac(folder: Path, text: str) -> "subprocess.CompletedProcess[str]":
    """Send a collection with httpYac to a Bookly of its own, and return the output."""
    shutil.copy(ROOT / "httpyac.config.cjs", folder)
    with running_bookly(folder) as bookly:
        (folder / "walk.http").write_text(text.replace("http://127.0.0.1:8000", bookly.url))
        command = [*node_program("httpyac"), "send", "walk.http", "--all", "--output", "none"]
        return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


@pytest.mark.long
@pytest.mark.parametrize("collection", [COLLECTION, WRITTEN], ids=lambda path: path.name)
def test_httpyac_walks_it_and_every_expectation_holds(collection: Path, tmp_path: Path) -> None:
    requests = len(list(steps()))

    done = sent_by_httpyac(tmp_path, collection.read_text())

    assert done.returncode == 0, done.stdout
    assert f"{requests} requests processed ({requests} succeeded)" in done.stdout


@pytest.mark.long
@pytest.mark.parametrize("is_jetbrains", [False, True], ids=["bookly.http", "bookly.jetbrains"])
@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("# @expect 204", "# @expect 200"),
        ("# @expect 401 access_token_required", "# @expect 401 refresh_token_required"),
        ("Bearer {{login.response.body.refresh_token}}", "Bearer {{me.response.body.id}}"),
    ],
    ids=["a status", "a code", "a request"],
)
def test_httpyac_fails_where_an_expectation_does_not_hold(
    right: str, wrong: str, is_jetbrains: bool, tmp_path: Path
) -> None:
    text = COLLECTION.read_text().replace(right, wrong, 1)
    assert text != COLLECTION.read_text()

    done = sent_by_httpyac(tmp_path, jetbrains(text) if is_jetbrains else text)

    assert done.returncode != 0
    assert "1 failed)" in done.stdout
