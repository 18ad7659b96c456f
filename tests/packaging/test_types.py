"""The types of the published package, as a strict type checker sees them."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.packaging.environments import Environment
from tests.tools import node_program

pytestmark = pytest.mark.long


def test_every_public_type_is_known(wheel: Path, tmp_path: Path) -> None:
    """What pyright cannot tell for sure, an app that is checked strictly cannot use."""
    environment = Environment.make(tmp_path / "venv", f"{wheel}[all]")

    options = ["--verifytypes", "tokenpair", "--ignoreexternal", "--outputjson"]

    done = subprocess.run(
        [*node_program("pyright"), *options],
        cwd=tmp_path,
        env=os.environ | {"PATH": f"{environment.folder / 'bin'}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
    )

    report = json.loads(done.stdout)["typeCompleteness"]
    found = [each for symbol in report["symbols"] for each in symbol.get("diagnostics", [])]
    assert [each["message"] for each in found if each["severity"] == "error"] == []
    assert report["completenessScore"] == 1
    assert report["exportedSymbolCounts"]["withKnownType"] > 1000
