"""The client's page and the README's example, with a real Bookly."""

import ast
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.bookly.running import Running, running_bookly
from tests.docs.reading import HOW_TO, ROOT, blocks
from tests.docs.shell import Shell
from tokenpair.testing import PASSWORD

PAGE = HOW_TO / "python-client.md"
ADA = {"email": "ada@example.com", "password": PASSWORD}


@pytest.fixture(scope="module")
def bookly(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running_bookly(tmp_path_factory.mktemp("bookly")) as running:
        httpx2.post(f"{running.url}/api/v1/auth/signup", json=ADA)
        yield running


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def run(code: list[str], bookly: Running) -> dict[str, Any]:
    names: dict[str, Any] = {}
    for block in code:
        exec(block.replace("http://127.0.0.1:8000", bookly.url), names)
    return names


def test_the_readmes_ten_lines(bookly: Running, capsys: pytest.CaptureFixture[str]) -> None:
    (code,) = [each for each in blocks(ROOT / "README.md", "python") if "PairAuth(" in each]

    run([code, code], bookly)

    assert capsys.readouterr().out.count("'items'") == 2
    assert len(code.splitlines()) <= 11
    assert code == blocks(PAGE, "python")[0]


def test_the_page(bookly: Running, capsys: pytest.CaptureFixture[str]) -> None:
    names = run(blocks(PAGE, "python"), bookly)

    shown, number = capsys.readouterr().out.splitlines()
    assert (ast.literal_eval(shown)["items"], number) == ([], "0")
    assert repr(names["auth"]).startswith("PairAuth('https://auth.example.com/auth', store=Memory")


def test_the_command_line(bookly: Running, tmp_path: Path) -> None:
    pip, commands = blocks(PAGE, "sh")
    shell = Shell(tmp_path, PASSWORD=PASSWORD, XDG_STATE_HOME=str(tmp_path))

    said = shell.run(commands.replace("http://127.0.0.1:8000", bookly.url))

    assert pip == 'pip install "tokenpair[client]"\n'
    assert re.fullmatch(
        rf"logged in to {bookly.url}/api/v1/auth\n\S+  ada@example.com  user\n"
        rf"logged out of {bookly.url}/api/v1/auth\n",
        said,
    )
    assert os.listdir(tmp_path / "tokenpair") == ["session.json.lock"]  # noqa: PTH208 - names.
