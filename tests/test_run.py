import ast
import importlib.util
import os
import subprocess
import sys
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = Path(__file__).parent.parent / "run"

# Prints the command and the folder instead of running uv.
FAKE_UV = """#!/bin/sh
if [ "$1" = --version ]; then echo "uv 999.0.0"; exit; fi
echo "$PWD"
echo "$VIRTUAL_ENV"
echo "$@" $(env | grep BYTECODE)
exit 7
"""

# Runs the script as if the Python that runs it were an old one.
OLD_PYTHON = """
import runpy, sys
sys.version_info, sys.version = (3, 10, 4, "final", 0), "3.10.4 (main)"
runpy.run_path(sys.argv[1], run_name="__main__")
"""


def call(
    *command: str | Path, cwd: Path | None = None, env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, *command]
    return subprocess.run(words, cwd=cwd, env=env, capture_output=True, text=True, check=False)


@pytest.fixture
def script() -> ModuleType:
    loader = SourceFileLoader("run_script", str(SCRIPT))
    spec = importlib.util.spec_from_loader("run_script", loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


@pytest.fixture
def fake_uv(tmp_path: Path) -> dict[str, str]:
    """Put a uv on the PATH that prints its command; return the environment to run in."""
    uv = tmp_path / "bin" / "uv"
    uv.parent.mkdir()
    uv.write_text(FAKE_UV)
    uv.chmod(0o755)
    return {"PATH": f"{uv.parent}:{os.defpath}", "VIRTUAL_ENV": "/another/users"}


def test_help_names_every_command(script: ModuleType) -> None:
    told = call(SCRIPT, "--help")

    assert told.returncode == 0
    assert all(f"./run {name}" in told.stdout for name in ["[serve]", "test", "check"])
    assert all(f"./run {name}" in told.stdout for name in script.PROGRAMS if name != "serve")


@pytest.mark.parametrize("command", ["serve", "test", "check"])
def test_every_command_has_a_help_that_needs_no_set_up(command: str) -> None:
    told = call(SCRIPT, command, "--help", env={"PATH": ""})

    assert told.returncode == 0
    assert told.stdout.startswith("./run ")
    assert told.stderr == ""


@pytest.mark.parametrize(
    ("command", "hint"), [("tets", "./run test?"), ("frobnicate", "./run --help")]
)
def test_an_unknown_command_is_one_line_with_a_hint(command: str, hint: str) -> None:
    refused = call(SCRIPT, command)

    assert refused.returncode == 2
    assert refused.stdout == ""
    assert refused.stderr.count("\n") == 1
    assert command in refused.stderr
    assert hint in refused.stderr


def test_an_old_python_is_refused_in_one_line() -> None:
    refused = call("-c", OLD_PYTHON, SCRIPT)

    assert refused.returncode == 1
    assert refused.stderr == "run: Python 3.11 or newer is needed; this is 3.10.4.\n"


def test_an_old_python_can_read_the_script() -> None:
    ast.parse(SCRIPT.read_text(), feature_version=(3, 7))


@pytest.mark.parametrize(
    ("arguments", "program"),
    [
        ([], "bookly serve"),
        (["serve"], "bookly serve"),
        (["--port", "9000"], "bookly serve --port 9000"),
        (["serve", "--port", "9000"], "bookly serve --port 9000"),
        (["test", "-k", "help"], "pytest -k help"),
        (["tokenpair", "--help"], "tokenpair --help"),
        (["bookly", "serve", "--help"], "bookly serve --help"),
    ],
    ids=lambda value: value if isinstance(value, str) else " ".join(["run", *value]),
)
def test_a_command_becomes_its_program_in_the_project(
    arguments: list[str], program: str, fake_uv: dict[str, str], tmp_path: Path
) -> None:
    ran = call(SCRIPT, *arguments, cwd=tmp_path, env=fake_uv)

    folder, virtual_env, words = ran.stdout.splitlines()
    assert words.startswith("run --quiet --locked ")
    assert words.endswith(f" {program}")
    assert folder == str(SCRIPT.parent)
    assert virtual_env == ""
    assert ran.returncode == 7


@pytest.mark.parametrize("command", ["serve", "tokenpair", "bookly"])
def test_what_serves_is_installed_without_the_test_tools(
    command: str, fake_uv: dict[str, str]
) -> None:
    ran = call(SCRIPT, command, env=fake_uv)

    assert " --no-dev --package=bookly " in ran.stdout


def test_the_site_is_built_with_its_generator_only(fake_uv: dict[str, str]) -> None:
    ran = call(SCRIPT, "docs", env=fake_uv)

    assert " --only-group=docs zensical build --strict --clean" in ran.stdout


@pytest.mark.parametrize("command", ["test", "bench", "storm", "screenshots", "lighthouse"])
def test_what_measures_is_installed_with_the_test_tools(
    command: str, fake_uv: dict[str, str]
) -> None:
    ran = call(SCRIPT, command, env=fake_uv)

    assert "--no-dev" not in ran.stdout


def test_no_command_removes_what_another_one_needs(fake_uv: dict[str, str]) -> None:
    """Starting a server must not remove the tools that a run of the tests is using."""
    ran = [call(SCRIPT, command, env=fake_uv).stdout for command in ("serve", "test")]

    # `uv run` removes packages only with --exact, or after `uv sync`.
    assert not any("--exact" in each or "sync" in each for each in ran)


@pytest.mark.long
def test_a_server_that_starts_leaves_the_test_tools_where_they_are(
    script: ModuleType, tmp_path: Path
) -> None:
    uv, here = script.find_uv(tools=True), tmp_path / "venv"

    def run(*words: str) -> None:
        variables = script.environment() | {"UV_PROJECT_ENVIRONMENT": str(here)}
        subprocess.run([uv, "run", *words], cwd=SCRIPT.parent, env=variables, check=True)

    serve = ("--locked", "--no-dev", "--package=bookly", "bookly", "--version")
    run(*serve)
    assert not (here / "bin/pytest").exists()
    run(*serve[:-2], "python", "-c", "import tokenpair.client")  # For `tokenpair login`.

    run("--locked", "pytest", "--version")
    run(*serve)

    assert (here / "bin/pytest").exists()


@pytest.mark.parametrize("option", ["--data-dir here", "--data-dir=here"])
def test_the_data_folder_is_meant_from_where_the_user_stands(
    option: str, fake_uv: dict[str, str], tmp_path: Path
) -> None:
    ran = call(SCRIPT, *option.split(), cwd=tmp_path, env=fake_uv)

    assert ran.stdout.rstrip().endswith(option.replace("here", str(tmp_path / "here")))


def test_bytecode_is_kept_for_the_next_process(fake_uv: dict[str, str]) -> None:
    """Without it, each Bookly that a test starts compiles all packages, which triples its start."""
    ran = call(SCRIPT, "test", env=fake_uv | {"PYTHONDONTWRITEBYTECODE": "1"})

    assert "PYTHONDONTWRITEBYTECODE" not in ran.stdout


def test_an_older_uv_than_the_lock_is_not_used(script: ModuleType, tmp_path: Path) -> None:
    uv = tmp_path / "uv"
    uv.write_text("#!/bin/sh\necho 'uv 0.9.30 (2026-01-01)'\n")
    uv.chmod(0o755)

    assert not script.reads_the_lock(str(uv))


def test_the_lock_names_public_hosts_only(script: ModuleType) -> None:
    assert script.foreign_sources() == ""


@pytest.mark.parametrize(
    "source",
    [
        'source = { registry = "https://pypi.internal/simple" }',
        'source = { registry = "../mirror/simple" }',
        'source = { git = "https://github.com/a-user/a-package" }',
        'sdist = { url = "https://files.pythonhosted.org.evil.example/a.tar.gz" }',
        'sdist = { url = "http://pypi.org/a.tar.gz" }',
    ],
    ids=["registry", "folder", "git", "look-alike", "plain http"],
)
def test_a_lock_that_names_another_place_is_refused(
    source: str, script: ModuleType, tmp_path: Path
) -> None:
    lock = tmp_path / "uv.lock"
    lock.write_text(f"{SCRIPT.with_name('uv.lock').read_text()}\n{source}\n")

    assert script.foreign_sources(lock) == source.split('"')[1]
