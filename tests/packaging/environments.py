"""Virtual environments with the wheel in them, as a user would install it."""

import os
import re
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
UV = os.environ.get("UV", "uv")  # `uv run`, and therefore ./run, sets it.
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
CLIENT = tomllib.loads((ROOT / "clients/python/pyproject.toml").read_text())


def uv(*arguments: str | Path) -> str:
    """Run uv in the project and return its output. Fails when uv fails."""
    astray = {"VIRTUAL_ENV", "UV_PROJECT_ENVIRONMENT"}
    done = subprocess.run(
        [UV, *arguments],
        cwd=ROOT,
        env={name: value for name, value in os.environ.items() if name not in astray},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@dataclass(frozen=True)
class Environment:
    """A virtual environment."""

    folder: Path

    @classmethod
    def make(
        cls, folder: Path, *requirements: str | Path, python: str | Path = sys.executable
    ) -> "Environment":
        """Make one, with the versions of the lock unless the requirements pin others.

        Beside our wheel, that of the client is found.
        """
        pinned = {re.split(r"[\[=]", each)[0] for each in map(str, requirements) if "==" in each}
        # A driver, Pydantic and httpx have two packages each, of which one is named.
        pinned |= {name + half for name in pinned for half in ("-binary", "-core")}
        pinned |= {name.replace("httpx", "httpcore") for name in pinned}
        locked = uv("export", "--quiet", "--frozen", "--no-hashes", "--no-emit-workspace")
        constraints = folder.with_suffix(".txt")
        kept = [each for each in locked.splitlines() if each.partition("==")[0] not in pinned]
        folders = {Path(str(each)).parent for each in requirements if ".whl" in str(each)}
        clients = [each for folder in folders for each in folder.glob("tokenpair_client-*.whl")]
        # By its path: uv would take a wheel of the same version from its cache.
        kept += [f"tokenpair-client @ {each.as_uri()}" for each in clients]
        constraints.write_text("\n".join(kept))
        uv("venv", "--quiet", "--python", python, folder)
        uv(
            *("pip", "install", "--quiet", "--python", folder / "bin" / "python"),
            *("--constraint", constraints, *requirements),
        )
        return cls(folder)

    def uninstall(self, *packages: str) -> None:
        """Remove packages, also those that others require."""
        uv("pip", "uninstall", "--quiet", "--python", self.folder / "bin" / "python", *packages)

    def run(
        self, program: str, *arguments: str | Path, cwd: Path
    ) -> "subprocess.CompletedProcess[str]":
        """Run one of its programs, without our environment variables."""
        return subprocess.run(
            [self.folder / "bin" / program, *arguments],
            cwd=cwd,
            env={"PATH": os.defpath},
            capture_output=True,
            text=True,
            check=False,
        )


def other_pythons() -> dict[str, Path]:
    """Find each supported CPython on this machine except the current one, by version.

    They are on the PATH and in the folders of pyenv. Its shims start only the chosen one.
    """
    folders = [Path(folder) for folder in os.environ["PATH"].split(os.pathsep)]
    places = [folder for folder in folders if folder.name != "shims"]
    places += sorted(Path.home().glob(".pyenv/versions/*/bin"))
    pythons: dict[str, Path] = {}
    for path in (each for place in places for each in sorted(place.glob("python3.*"))):
        version = path.name.removeprefix("python3.")
        if version.isdecimal() and int(version) >= 11 and int(version) != sys.version_info.minor:
            pythons.setdefault(f"3.{version}", path)
    return pythons


def floors() -> list[str]:
    """Return the lowest version of each requirement."""
    asked = [*PROJECT["project"]["dependencies"], *CLIENT["project"]["dependencies"]]
    extras = [each["project"]["optional-dependencies"].values() for each in (PROJECT, CLIENT)]
    for extra in (each for group in extras for each in group):
        asked += [each for each in extra if not each.startswith("tokenpair")]
    return [each.partition(";")[0].strip().replace(">=", "==") for each in asked]
