from pathlib import Path

import pytest

from tests.packaging.environments import uv


@pytest.fixture(scope="session")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the files that would be published."""
    folder = tmp_path_factory.mktemp("dist")
    for package in ("tokenpair", "tokenpair-client"):
        uv("build", "--quiet", "--out-dir", folder, "--package", package)
    return folder


@pytest.fixture(scope="session")
def wheel(dist: Path) -> Path:
    (wheel,) = dist.glob("tokenpair-*.whl")
    return wheel


@pytest.fixture(scope="session")
def client_wheel(dist: Path) -> Path:
    (wheel,) = dist.glob("tokenpair_client-*.whl")
    return wheel
