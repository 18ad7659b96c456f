"""All Node packages come from npm's registry, in the locked versions."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.tools import BROWSER_FOLDER, LIGHTHOUSE_FOLDER, NODE_FOLDER

REGISTRY = "https://registry.npmjs.org/"

pytestmark = pytest.mark.parametrize(
    "folder", [NODE_FOLDER, LIGHTHOUSE_FOLDER, BROWSER_FOLDER], ids=lambda folder: folder.name
)


def packages(folder: Path) -> dict[str, Any]:
    lock = json.loads((folder / "package-lock.json").read_text())
    return {name: package for name, package in lock["packages"].items() if name}


def test_the_lock_names_no_other_place(folder: Path) -> None:
    locked = packages(folder).values()

    assert all(each.get("resolved", REGISTRY).startswith(REGISTRY) for each in locked)
    assert all(each["integrity"].startswith("sha512-") for each in locked)


def test_every_version_is_pinned(folder: Path) -> None:
    package = json.loads((folder / "package.json").read_text())
    wanted = package.get("dependencies", {}) | package.get("devDependencies", {})

    locked = {name: packages(folder)[f"node_modules/{name}"]["version"] for name in wanted}

    assert wanted == locked
