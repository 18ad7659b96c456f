"""One app for all tests of a module: they find it as it started, and leave it usable."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest
from fastapi import FastAPI

from tests.bookly.conftest import (
    Person,
    SignUp,
    make_app,
    signing_up,
    talking_to,
    without_settings,
)
from tokenpair.testing import FakeClock


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory, migrated: Path) -> FastAPI:
    with pytest.MonkeyPatch.context() as monkeypatch:
        without_settings(monkeypatch)
        return make_app(tmp_path_factory.mktemp("shared"), FakeClock(), migrated)


@pytest.fixture(scope="module")
async def client(app: FastAPI) -> AsyncIterator[httpx2.AsyncClient]:
    async with talking_to(app) as client:
        yield client


@pytest.fixture(scope="module")
def sign_up(app: FastAPI, client: httpx2.AsyncClient) -> SignUp:
    return signing_up(app, client)


@pytest.fixture(scope="module")
async def ada(sign_up: SignUp) -> Person:
    return await sign_up("ada")


@pytest.fixture(scope="module")
async def bob(sign_up: SignUp) -> Person:
    return await sign_up("bob")
