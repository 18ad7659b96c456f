"""An app of each test's own, on SQLite or PostgreSQL, and users who are logged in."""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx2
import pytest
from fastapi import FastAPI

from bookly.app import create_app
from bookly.settings import BooklySettings
from tokenpair import Settings, database_url
from tokenpair.fastapi.registry import installed
from tokenpair.stores.sql import SqlStorage
from tokenpair.testing import PASSWORD, FakeClock, make_auth

API = "/api/v1"
PRODUCTION = {
    "TOKENPAIR_ENVIRONMENT": "production",
    "TOKENPAIR_BASE_URL": "https://localhost",
    "TOKENPAIR_KEYS_FILE": "keys.json",
    "TOKENPAIR_DATABASE_URL": "sqlite:///tokenpair.db",
    "TOKENPAIR_TRUSTED_PROXY_HOPS": "0",
    "TOKENPAIR_SMTP_URL": "smtp://127.0.0.1",
}
"""Settings with which Bookly starts in production, but for the files that they name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A user who is logged in."""

    id: str
    headers: dict[str, str]


def make_settings(data_dir: Path, url: str | None = None) -> BooklySettings:
    """Settings of a test: SQLite in the folder, if no other database is named."""
    auth = Settings.read(data_dir=data_dir, database_url=url, cookies=True)
    return BooklySettings(host="127.0.0.1", port=8000, auth=auth)


@pytest.fixture(autouse=True)
def own_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Keep the settings of the machine that runs the tests out of them."""
    monkeypatch.chdir(tmp_path)
    without_settings(monkeypatch)


def without_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.startswith(("TOKENPAIR_", "BOOKLY_")):
            monkeypatch.delenv(name)


@pytest.fixture
def url(request: pytest.FixtureRequest) -> str | None:
    """The database: SQLite in the data folder, or what the test is parametrised with."""
    if getattr(request, "param", "sqlite") == "sqlite":
        return None
    found: str = request.getfixturevalue("postgres_url")
    return found


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a SQLite file with all tables: to migrate one takes longer than most tests."""
    settings = make_settings(tmp_path_factory.mktemp("migrated"))
    auth = make_auth(storage=SqlStorage.from_url(database_url(settings.auth)))

    async def start() -> None:
        app = create_app(settings, auth=auth)
        async with app.router.lifespan_context(app):
            pass

    asyncio.run(start())
    return settings.auth.data_dir / "tokenpair.db"


@pytest.fixture
def app(url: str | None, tmp_path: Path, clock: FakeClock, migrated: Path) -> FastAPI:
    return make_app(tmp_path, clock, migrated, url)


def make_app(folder: Path, clock: FakeClock, migrated: Path, url: str | None = None) -> FastAPI:
    """Make a Bookly on a copy of the migrated SQLite file, or on the database of the URL."""
    settings = make_settings(folder / "data", url)
    if url is None:
        settings.auth.data_dir.mkdir(mode=0o700)
        shutil.copy(migrated, settings.auth.data_dir)
    storage = SqlStorage.from_url(database_url(settings.auth))
    auth = make_auth(storage=storage, clock=clock, edge=settings.auth.edge)
    return create_app(settings, auth=auth)


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx2.AsyncClient]:
    async with talking_to(app) as client:
        yield client


@asynccontextmanager
async def talking_to(app: FastAPI) -> AsyncIterator[httpx2.AsyncClient]:
    """Start the app, and return a client of it; stop it at the end."""
    transport = httpx2.ASGITransport(app=app, raise_app_exceptions=False)
    async with (
        app.router.lifespan_context(app),
        httpx2.AsyncClient(transport=transport, base_url="http://bookly.test") as client,
    ):
        yield client


SignUp = Callable[..., Awaitable[Person]]


@pytest.fixture
def sign_up(app: FastAPI, client: httpx2.AsyncClient) -> SignUp:
    return signing_up(app, client)


def signing_up(app: FastAPI, client: httpx2.AsyncClient) -> SignUp:
    """Return a function that signs a user up and logs in, over HTTP.

    It is called `await sign_up("ada", roles={"admin"})`.
    """

    async def sign_up(name: str, roles: frozenset[str] = frozenset()) -> Person:
        credentials = {"email": f"{name}@example.com", "password": PASSWORD}
        signed_up = await client.post(f"{API}/auth/signup", json=credentials)
        assert signed_up.status_code == 201, signed_up.text
        user: dict[str, Any] = signed_up.json()
        if roles:
            await installed(app)[f"{API}/auth"].set_roles(UUID(user["id"]), frozenset(roles))
        pair = (await client.post(f"{API}/auth/login", json=credentials)).json()
        return Person(id=user["id"], headers={"Authorization": f"Bearer {pair['access_token']}"})

    return sign_up


@pytest.fixture
async def ada(sign_up: SignUp) -> Person:
    return await sign_up("ada")


@pytest.fixture
async def bob(sign_up: SignUp) -> Person:
    return await sign_up("bob")


@pytest.fixture
async def admin(sign_up: SignUp) -> Person:
    return await sign_up("root", roles=frozenset({"admin"}))
