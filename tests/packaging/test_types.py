"""The types of the published package, as strict type checkers see them."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.packaging.environments import Environment
from tests.tools import node_program

pytestmark = [pytest.mark.long, pytest.mark.xdist_group("types")]

USER_CODE = Path(__file__).parents[1] / "typing_tests"


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    return Environment.make(tmp_path_factory.mktemp("types") / "venv", f"{wheel}[all]", "httpx")


@pytest.mark.parametrize(("package", "names"), [("tokenpair", 1000), ("tokenpair_client", 200)])
def test_every_public_type_is_known(
    installed: Environment, tmp_path: Path, package: str, names: int
) -> None:
    """A type that pyright cannot determine is an error in an app that is checked strictly."""
    options = ["--verifytypes", package, "--ignoreexternal", "--outputjson"]

    done = subprocess.run(
        [*node_program("pyright"), *options],
        cwd=tmp_path,
        env=os.environ | {"PATH": f"{installed.folder / 'bin'}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
    )

    report = json.loads(done.stdout)["typeCompleteness"]
    found = [each for symbol in report["symbols"] for each in symbol.get("diagnostics", [])]
    assert [each["message"] for each in found if each["severity"] == "error"] == []
    assert report["completenessScore"] == 1
    assert report["exportedSymbolCounts"]["withKnownType"] > names


def test_pyright_accepts_ordinary_code_and_finds_its_mistakes(
    installed: Environment, tmp_path: Path
) -> None:
    """An `ignore` in `refused.py` that hides no error is an error itself."""
    shutil.copytree(USER_CODE, tmp_path / "code")
    config = {
        "include": ["code"],
        "venvPath": str(installed.folder.parent),
        "venv": installed.folder.name,
        "typeCheckingMode": "strict",
        "reportUnnecessaryTypeIgnoreComment": "error",
    }
    (tmp_path / "pyrightconfig.json").write_text(json.dumps(config))

    done = subprocess.run(
        [*node_program("pyright"), "--project", str(tmp_path), "--outputjson"],
        capture_output=True,
        text=True,
        check=False,
    )

    report = json.loads(done.stdout)
    assert report["summary"]["filesAnalyzed"] > 3
    assert [each["message"] for each in report["generalDiagnostics"]] == []


def test_mypy_accepts_ordinary_code_without_a_plugin(
    installed: Environment, tmp_path: Path
) -> None:
    """`./run check` reads the same files with Pydantic's plugin, which an app may not have."""
    shutil.copytree(USER_CODE, tmp_path / "code")
    options = [
        "--strict",
        "--config-file=",
        f"--python-executable={installed.folder / 'bin' / 'python'}",
    ]

    done = subprocess.run(
        [sys.executable, "-m", "mypy", *options, "code"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
