"""The browser client as it is packaged: for npm, and inside the Python package."""

import hashlib
import json
import subprocess
import tomllib
from pathlib import Path

import pytest

from tests.tools import BROWSER_FOLDER, node_packages, node_program, program
from tests.waiting import LIMIT_SECONDS
from tokenpair.fastapi.browser import SCRIPT

ROOT = BROWSER_FOLDER.parents[1]
SOURCE = BROWSER_FOLDER / "tokenpair.js"


def run(*command: str | Path, cwd: Path = BROWSER_FOLDER) -> str:
    """Run a command, and return its output. Fails with the output if the command fails."""
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_served_file_is_made_from_the_source() -> None:
    first_line = SCRIPT.read_text().partition("\n")[0]

    digest = hashlib.sha256(SOURCE.read_bytes()).hexdigest()
    assert first_line.endswith(digest), "run `npm run build` in clients/browser"


def test_it_has_the_version_and_the_license_of_the_library() -> None:
    package = json.loads((BROWSER_FOLDER / "package.json").read_text())
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

    assert (package["version"], package["license"]) == (project["version"], project["license"])
    assert (BROWSER_FOLDER / "LICENSE").read_text() == (ROOT / "LICENSE").read_text()
    assert "dependencies" not in package


@pytest.mark.long
def test_a_build_gives_exactly_the_served_file(tmp_path: Path) -> None:
    built = tmp_path / "tokenpair.js"

    run(program("node"), node_packages(BROWSER_FOLDER) / "build.mjs", built)

    assert built.read_bytes() == SCRIPT.read_bytes()


@pytest.mark.long
def test_its_own_tests_pass() -> None:
    patience = f"--testTimeout={1_000 * LIMIT_SECONDS}"

    run(*node_program("vitest", BROWSER_FOLDER), "run", patience)


@pytest.mark.long
def test_the_packed_files_have_types_for_a_strict_app(tmp_path: Path) -> None:
    compiler = node_program("tsc", BROWSER_FOLDER)
    run(program("npm"), "pack", "--pack-destination", tmp_path, "--ignore-scripts")
    (packed,) = tmp_path.glob("*.tgz")
    run("tar", "xzf", packed, cwd=tmp_path)

    names = {each.name for each in (tmp_path / "package").iterdir()}
    assert names == {"LICENSE", "README.md", "package.json", "tokenpair.d.ts", "tokenpair.js"}
    installed = tmp_path / "node_modules" / "tokenpair-browser"
    installed.parent.mkdir()
    (tmp_path / "package").rename(installed)
    app = (BROWSER_FOLDER / "tests" / "types" / "app.ts").read_text()
    (tmp_path / "app.mts").write_text(app)
    config = json.loads((BROWSER_FOLDER / "tests" / "types" / "tsconfig.json").read_text())
    del config["compilerOptions"]["paths"]
    (tmp_path / "tsconfig.json").write_text(json.dumps(config | {"include": ["app.mts"]}))
    run(*compiler, "--project", tmp_path)
    loaded = 'import("tokenpair-browser").then((all) => console.log(Object.keys(all).join()))'
    assert run(program("node"), "-e", loaded, cwd=tmp_path) == "SessionError,createSession\n"
