"""Programs that `long` tests need and that Python's package index does not have."""

import fcntl
import hashlib
import os
import shutil
import subprocess
from pathlib import Path

import pytest

NODE_FOLDER = Path(__file__).parent / "node"
LIGHTHOUSE_FOLDER = Path(__file__).parent / "lighthouse"
BROWSER_FOLDER = Path(__file__).parents[1] / "clients" / "browser"


def program(name: str) -> str:
    """Return the path of a program, such as nginx, chromium or node.

    Where it is missing, the test is skipped with its name. In CI the test fails: `.ci/run`
    installs all of them.
    """
    if path := shutil.which(name, path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin"):
        return path
    reason = f"{name} is not installed; .ci/run installs it"
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


def node_packages(folder: Path = NODE_FOLDER) -> Path:
    """Return a folder, such as `tests/node`, after the packages of its lock were installed."""
    npm = program("npm")
    lock = folder / "package-lock.json"
    wanted = hashlib.sha256(lock.read_bytes()).hexdigest()
    stamp = folder / "node_modules" / ".installed"
    with lock.open() as handle:
        fcntl.flock(
            handle, fcntl.LOCK_EX
        )  # Tests in other processes may install them at the same time.
        if not stamp.exists() or stamp.read_text() != wanted:
            command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
            subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)
            stamp.write_text(wanted)
    return folder


def node_program(name: str, folder: Path = NODE_FOLDER) -> list[str | Path]:
    """Return how to run a program of the packages in a folder, such as `tests/node`."""
    return [program("node"), (node_packages(folder) / "node_modules" / ".bin" / name).resolve()]
