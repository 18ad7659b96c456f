"""The wheel, installed in an empty environment."""

import re
import subprocess
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from websockets.sync.client import connect

from tests.packaging.environments import PROJECT, ROOT, Environment
from tests.waiting import LIMIT_SECONDS
from tokenpair.testing import PASSWORD

VERSION = PROJECT["project"]["version"]
EXTRAS = PROJECT["project"]["optional-dependencies"]

IMPORT_ALL = """
import importlib, pkgutil, tokenpair
for module in pkgutil.walk_packages(tokenpair.__path__, "tokenpair."):
    # Alembic runs its scripts itself, __main__ is the command, a contract is pytest's, and a
    # driver and the client are extras.
    others = (".migrations.", "__main__", "store_contract", ".postgres", ".client")
    if not any(each in module.name for each in others):
        importlib.import_module(module.name)
"""
CONNECT = """
import sys
from tokenpair.errors import ConfigurationError
from tokenpair.stores.sql import SqlStorage
try:
    SqlStorage.from_url(sys.argv[1])
except ConfigurationError as exc:
    print(exc)
"""


@pytest.fixture(scope="module")
def plain(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """Install the wheel and its requirements only."""
    return Environment.make(tmp_path_factory.mktemp("plain") / "venv", wheel)


@pytest.fixture(scope="module")
def serving(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """Install it as the README says."""
    return Environment.make(tmp_path_factory.mktemp("server") / "venv", f"{wheel}[server]")


def names_in_wheel(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as file:
        return set(file.namelist())


def test_the_package_page_leads_everywhere_by_absolute_links(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as file:
        (name,) = [each for each in file.namelist() if each.endswith("/METADATA")]
        fields, _, readme = file.read(name).decode().partition("\n\n")

    links = re.findall(r"\]\(([^)]+)\)", readme)
    assert links
    assert all(link.startswith("https://") for link in links)
    labels = re.findall(r"^Project-URL: (\w+), https://", fields, re.MULTILINE)
    assert {"Homepage", "Documentation", "Source", "Issues", "Changelog"} <= set(labels)
    assert "Author: The maintainers of tokenpair" in fields


def test_the_wheel_has_every_file_of_the_library_and_no_other(wheel: Path) -> None:
    library = {
        str(path.relative_to(ROOT / "src"))
        for path in (ROOT / "src").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }

    names = names_in_wheel(wheel)

    assert {each for each in names if ".dist-info/" not in each and each[-1] != "/"} == library
    assert {"tokenpair/py.typed", f"tokenpair-{VERSION}.dist-info/licenses/LICENSE"} <= names


def test_the_sdist_can_be_built_and_read_by_itself(dist: Path) -> None:
    (sdist,) = dist.glob("tokenpair-*.tar.gz")

    with tarfile.open(sdist) as file:
        names = {name.partition("/")[2] for name in file.getnames()}

    assert {"pyproject.toml", "README.md", "LICENSE", "src/tokenpair/py.typed"} <= names


def test_a_plain_install_imports_every_module(plain: Environment, tmp_path: Path) -> None:
    done = plain.run("python", "-W", "error", "-c", IMPORT_ALL, cwd=tmp_path)

    assert (done.returncode, done.stderr) == (0, "")


def test_the_missing_client_is_named(plain: Environment, tmp_path: Path) -> None:
    done = plain.run("python", "-c", "import tokenpair.client", cwd=tmp_path)
    commands = [
        plain.run("tokenpair", each, cwd=tmp_path) for each in ("login", "whoami", "logout")
    ]

    advice = "the client is not installed: pip install 'tokenpair[client]'"
    assert done.stderr.strip().endswith(advice)
    assert {each.stderr for each in commands} == {f"tokenpair: {advice}\n"}


def test_a_missing_extra_is_named(plain: Environment, tmp_path: Path) -> None:
    done = plain.run("python", "-c", CONNECT, "postgresql://localhost/x", cwd=tmp_path)

    assert done.stdout.strip().endswith("is not installed: pip install 'tokenpair[postgres]'")


def test_all_is_all_the_extras() -> None:
    (everything,) = EXTRAS["all"]

    named = set(re.fullmatch(r"tokenpair\[(.+)\]", everything)[1].split(","))  # type: ignore[index]

    assert named == EXTRAS.keys() - {"all"}


CHAT = """
from fastapi import WebSocket

@app.websocket("/chat")
async def chat(websocket: WebSocket, token: AccessToken) -> None:
    await websocket.accept()
    await websocket.send_text(f"hello {token.subject}")
"""


@pytest.fixture
def running_app(serving: Environment, tmp_path: Path) -> Iterator[str]:
    """Run the README's five lines in the environment; return the URL."""
    code = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    (tmp_path / "main.py").write_text(f"{code[0]}\n{CHAT}")
    command = [str(serving.folder / "bin" / "uvicorn"), "main:app", "--port", "0"]
    with subprocess.Popen(
        command, cwd=tmp_path, env={}, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr
        said = []
        try:
            for line in process.stderr:
                said.append(line)
                if found := re.search(r"running on (http://[\d.:]+)", line):
                    break
            else:
                raise AssertionError("".join(said))
            yield found[1]
        finally:
            process.terminate()
            process.stderr.read()


@pytest.mark.long
def test_the_readmes_app_runs_in_an_empty_environment(running_app: str, tmp_path: Path) -> None:
    ada = {"email": "ada@example.com", "password": PASSWORD}
    with httpx2.Client(base_url=running_app) as client:
        user = client.post("/auth/signup", json=ada).json()
        pair = client.post("/auth/login", json=ada).json()
        renewal = {"Authorization": f"Bearer {pair['refresh_token']}"}
        renewed = client.post("/auth/refresh_token", headers=renewal).json()
        headers = {"Authorization": f"Bearer {renewed['access_token']}"}
        hello = client.get("/hello", headers=headers)
    chat_url = running_app.replace("http", "ws") + "/chat"
    with connect(chat_url, additional_headers=headers, open_timeout=LIMIT_SECONDS) as chat:
        assert chat.recv() == hello.json()

    assert hello.json() == f"hello {user['id']}"
    assert {"keys.json", "tokenpair.db"} <= {path.name for path in (tmp_path / "data").iterdir()}


@pytest.mark.long
def test_its_command_line_works_there(serving: Environment, tmp_path: Path) -> None:
    upgraded = serving.run("tokenpair", "db", "upgrade", cwd=tmp_path)
    made = serving.run("tokenpair", "keys", "new", cwd=tmp_path)

    database = f"sqlite:///{tmp_path}/data/tokenpair.db"
    assert upgraded.stdout == f"The tables of {database} are up to date.\n"
    assert upgraded.returncode == 0
    assert made.returncode == 0
    assert serving.run("tokenpair", "--version", cwd=tmp_path).stdout == f"{VERSION}\n"
