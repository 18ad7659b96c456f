"""Programs that a `long` test needs and that Python's package index does not have."""

import os
import shutil

import pytest


def program(name: str) -> str:
    """Return the path of a program, such as nginx, chromium or node.

    Where it is missing, the test is skipped and names it. In CI it fails instead: `.ci/run`
    installs all of them.
    """
    if path := shutil.which(name, path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin"):
        return path
    reason = f"{name} is not installed; .ci/run installs it"
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)
