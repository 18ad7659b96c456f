"""The client's wheel, without the rest of tokenpair."""

import tarfile
from pathlib import Path

import pytest

from tests.client.world import EMAIL, running
from tests.packaging.environments import CLIENT, ROOT, Environment
from tests.packaging.test_wheel import names_in_wheel
from tokenpair.testing import PASSWORD

VERSION = CLIENT["project"]["version"]

LOG_IN = """
import sys, {library}
from tokenpair_client import PairAuth
auth = PairAuth(sys.argv[1] + "/auth")
auth.log_in(sys.argv[2], sys.argv[3])
print({library}.get(sys.argv[1] + "/hello", auth=auth).status_code)
"""


def test_the_wheel_has_every_file_of_the_client_and_no_other(client_wheel: Path) -> None:
    source = ROOT / "clients/python/src"
    client = {
        str(path.relative_to(source))
        for path in source.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }

    names = names_in_wheel(client_wheel)

    assert {each for each in names if ".dist-info/" not in each and each[-1] != "/"} == client
    assert f"tokenpair_client-{VERSION}.dist-info/licenses/LICENSE" in names


def test_its_sdist_can_be_built_by_itself(dist: Path) -> None:
    (sdist,) = dist.glob("tokenpair_client-*.tar.gz")

    with tarfile.open(sdist) as file:
        names = {name.partition("/")[2] for name in file.getnames()}

    assert {"pyproject.toml", "README.md", "LICENSE"} <= names


@pytest.mark.parametrize("library", ["httpx2", pytest.param("httpx", marks=pytest.mark.long)])
def test_it_works_with_one_http_library_and_nothing_else(
    client_wheel: Path, tmp_path: Path, library: str
) -> None:
    environment = Environment.make(tmp_path / "venv", client_wheel, library)
    if library == "httpx":
        environment.uninstall("httpx2")

    with running() as world:
        code = LOG_IN.format(library=library)
        done = environment.run(
            *("python", "-W", "error", "-c", code, world.url, EMAIL, PASSWORD), cwd=tmp_path
        )
    installed = {each.name for each in environment.folder.glob("lib/python*/site-packages/*")}

    assert (done.stdout, done.stderr) == ("200\n", "")
    assert not installed & {"tokenpair", "fastapi", "sqlalchemy", "pydantic", "cryptography"}
