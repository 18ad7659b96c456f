"""The Node packages of the `long` tests come from npm's registry, in the locked versions."""

import json
from typing import Any

from tests.tools import NODE_FOLDER

REGISTRY = "https://registry.npmjs.org/"


def packages() -> dict[str, Any]:
    lock = json.loads((NODE_FOLDER / "package-lock.json").read_text())
    return {name: package for name, package in lock["packages"].items() if name}


def test_the_lock_names_no_other_place() -> None:
    assert all(each.get("resolved", REGISTRY).startswith(REGISTRY) for each in packages().values())
    assert all(each["integrity"].startswith("sha512-") for each in packages().values())


def test_every_version_is_pinned() -> None:
    wanted = json.loads((NODE_FOLDER / "package.json").read_text())["dependencies"]

    locked = {name: packages()[f"node_modules/{name}"]["version"] for name in wanted}

    assert wanted == locked
