"""The README's examples run as it shows them."""

from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.bookly.running import running_bookly
from tests.docs.reading import ROOT, blocks
from tests.docs.recorded import assert_prints_what_is_recorded
from tests.docs.shell import Shell
from tokenpair.testing import PASSWORD

README = ROOT / "README.md"


def test_the_walk_with_curl_prints_what_the_readme_has_recorded(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()

    with running_bookly(data, BOOKLY_SAMPLES="on") as bookly:
        assert_prints_what_is_recorded(README, Shell(tmp_path), bookly.url)


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
