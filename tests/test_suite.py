"""How `./run test` divides its work: see conftest.py."""

import os
import subprocess
import sys
from pathlib import Path

import httpx2
import pytest

from tests.conftest import MAX_WORKERS, number_of_workers
from tests.waiting import LIMIT_SECONDS

ROOT = Path(__file__).parent.parent


@pytest.fixture(autouse=True)
def in_the_project(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


def test_the_whole_suite_runs_in_several_processes() -> None:
    number = number_of_workers(["tests"], is_chosen=False)

    assert 2 <= number <= MAX_WORKERS
    assert number_of_workers(["tests/core", "tests/http"], is_chosen=False) == number


def test_what_is_chosen_by_name_runs_in_one_process() -> None:
    """Starting several processes takes longer than a few tests."""
    assert number_of_workers(["tests/test_run.py"], is_chosen=False) == 0
    assert number_of_workers(["tests/core/accounts/test_email.py::test_x"], is_chosen=False) == 0
    assert number_of_workers(["tests"], is_chosen=True) == 0


def test_a_client_waits_for_a_busy_server() -> None:
    with httpx2.Client() as client:
        assert client.timeout == httpx2.Timeout(LIMIT_SECONDS)


@pytest.mark.parametrize("processes", ["0", pytest.param("2", marks=pytest.mark.long)])
def test_a_run_ends_by_naming_the_long_tests_that_it_left_out(processes: str) -> None:
    options = ["-q", "-n", processes, "-p", "no:cacheprovider"]
    files = ["tests/packaging/test_versions.py", "tests/core/accounts/test_email.py"]

    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, *files],
        cwd=ROOT,
        env={name: value for name, value in os.environ.items() if not name.startswith("PYTEST")},
        capture_output=True,
        text=True,
        check=False,
    )

    *_, heading, file, how, _ = done.stdout.splitlines()
    assert done.returncode == 0, done.stdout
    assert " long tests that were left out " in heading
    assert file.strip().endswith("tests/packaging/test_versions.py")
    assert how == "To run them, too: ./run test --long"
