"""The steps of the Dockerfile, replayed in a folder: for tests, without a container engine."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.docs.reading import ROOT

# The folders of the image, which are below the replay's own folder.
_PLACES = re.compile(r"(?<![\w/])/(?=(?:opt/bookly|src|var/lib/bookly)\b)")


def instructions(text: str) -> list[tuple[str, str]]:
    """Return the instructions of a Dockerfile and what follows each."""
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    return [(name, rest) for name, _, rest in (each.partition(" ") for each in joined.splitlines())]


def context(folder: Path) -> Path:
    """Copy what .dockerignore lets in, and return the folder."""
    ignore = (ROOT / ".dockerignore").read_text().split("\n")
    rules = [line for line in ignore if line and not line.startswith("#")]
    assert rules[0] == "*"
    left_out = [rule.removeprefix("**/") for rule in rules[1:] if not rule.startswith("!")]
    for name in (rule[1:] for rule in rules if rule.startswith("!")):
        _copy(ROOT / name, folder / name, ignore=left_out)
    return folder


def _copy(source: Path, target: Path, ignore: list[str] | None = None) -> None:
    if source.is_dir():
        ignored = shutil.ignore_patterns(*(ignore or []))
        shutil.copytree(source, target, ignore=ignored, dirs_exist_ok=True)
    else:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, target)


class Image:
    """What the Dockerfile makes, below a folder, with this Python in place of the image's."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.variables: dict[str, str] = {}
        self.workdir = folder
        self.user = ""
        self.lists: dict[str, list[str]] = {}
        self._context = context(folder / "context")
        subprocess.run([sys.executable, "-m", "venv", folder / "base"], check=True)
        text = _PLACES.sub(f"{folder}/", (ROOT / "Dockerfile").read_text())
        if os.geteuid() != 0:
            text = text.replace("-o 10001 -g 10001 ", "")
        for name, rest in instructions(text):
            getattr(self, f"_{name.lower()}")(rest)

    def run(
        self, *command: str, variables: Mapping[str, str]
    ) -> "subprocess.CompletedProcess[str]":
        """Run a command in it, with some variables more."""
        return subprocess.run(
            command,
            cwd=self.workdir,
            env=self.environment(variables),
            capture_output=True,
            text=True,
            check=False,
        )

    def environment(self, variables: Mapping[str, str]) -> dict[str, str]:
        """Return the variables of a container."""
        return {"HOME": "/", **self.variables, **variables}

    def _from(self, _: str) -> None:
        """Begin a stage. Nothing of the one before may be needed, but for what is copied."""
        shutil.rmtree(self.folder / "src", ignore_errors=True)
        self.workdir = self.folder
        self.variables = {"PATH": f"{self.folder}/base/bin:{os.defpath}"}

    def _env(self, rest: str) -> None:
        for each in shlex.split(rest):
            name, _, value = each.partition("=")
            self.variables[name] = value.replace("$PATH", self.variables["PATH"])

    def _run(self, rest: str) -> None:
        # The packages come from the cache of this machine's user.
        done = self.run("sh", "-ec", rest, variables={"HOME": os.environ["HOME"]})
        assert done.returncode == 0, done.stdout + done.stderr

    def _copy(self, rest: str) -> None:
        if rest.startswith("--from="):
            _, source, target = rest.split()
            assert source == target
            assert Path(source).is_dir()
            return
        *sources, target = rest.split()
        for source in sources:
            is_folder = (self._context / source).is_dir()
            place = self.workdir / target
            _copy(self._context / source, place if is_folder else place / Path(source).name)

    def _workdir(self, rest: str) -> None:
        self.workdir = Path(rest)
        self.workdir.mkdir(parents=True, exist_ok=True)

    def _user(self, rest: str) -> None:
        self.user = rest

    def _expose(self, _: str) -> None:
        """Only a note."""

    def _healthcheck(self, rest: str) -> None:
        self.lists["healthcheck"] = json.loads(rest.partition("CMD ")[2])

    def _entrypoint(self, rest: str) -> None:
        self.lists["entrypoint"] = json.loads(rest)

    def _cmd(self, rest: str) -> None:
        self.lists["cmd"] = json.loads(rest)
