"""An `Auth` that is not open says so on every database; in memory it needs no opening."""

import asyncio
import logging
from pathlib import Path

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from tests.storages import database_url
from tokenpair import Auth, Condition, Key, Keyring, TokenPair
from tokenpair.errors import Unavailable
from tokenpair.fastapi import AccessToken, install
from tokenpair.lifecycle import Closed, NotOpened
from tokenpair.stores.memory import MemoryStorage
from tokenpair.stores.sql import SqlStorage
from tokenpair.testing import PASSWORD, a_user, login_as, make_auth

ADA = {"email": "ada@example.com", "password": PASSWORD}
NOT_OPENED = "This Auth has not been opened: the app's lifespan did not run."


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return database_url(request, tmp_path)


@pytest.fixture
def keyring() -> Keyring:
    return Keyring([Key.generate()])


def on(url: str, keyring: Keyring) -> Auth:
    return make_auth(storage=SqlStorage.from_url(url), keyring=keyring)


def in_production(url: str) -> Auth:
    return Auth(
        storage=SqlStorage.from_url(url), keyring=Keyring([Key.generate()]), issuer="https://a.test"
    )


def app_with(auth: Auth) -> FastAPI:
    app = FastAPI()
    install(app, auth)

    @app.get("/protected")
    async def protected(token: AccessToken) -> str:
        return str(token.subject)

    return app


def requests_of(client: TestClient, pair: dict[str, str], prefix: str = "") -> list[str]:
    """Send one request of each kind; return the details of the answers, which are all 503."""
    access = {"Authorization": f"Bearer {pair['access']}"}
    refresh = {"Authorization": f"Bearer {pair['refresh']}"}
    answers = [
        client.post(f"{prefix}/auth/signup", json=ADA),
        client.post(f"{prefix}/auth/login", json=ADA),
        client.get(f"{prefix}/protected", headers=access),
        client.get(f"{prefix}/auth/me", headers=access),
        client.post(f"{prefix}/auth/refresh_token", headers=refresh),
        client.post(f"{prefix}/auth/logout", headers=refresh),
    ]
    assert {each.status_code for each in answers} == {503}
    assert {each.headers["retry-after"] for each in answers} == {"1"}
    return [each.json()["detail"] for each in answers]


@pytest.fixture
def pair(url: str, keyring: Keyring) -> dict[str, str]:
    """Tokens of a session that another `Auth` on the same database has opened."""

    async def log_in() -> TokenPair:
        async with on(url, keyring) as auth:
            return await login_as(auth, await a_user(auth))

    pair = asyncio.run(log_in())
    return {"access": pair.access_token, "refresh": pair.refresh_token}


@pytest.mark.parametrize("is_mounted", [False, True], ids=["no_with", "mounted"])
def test_without_its_lifespan_every_answer_says_that_the_auth_is_not_open(
    url: str,
    keyring: Keyring,
    pair: dict[str, str],
    is_mounted: bool,
    caplog: pytest.LogCaptureFixture,
) -> None:
    app = app_with(on(url, keyring))

    if is_mounted:
        parent = FastAPI()
        parent.mount("/api", app)
        with TestClient(parent) as client:
            details = requests_of(client, pair, "/api")
    else:
        details = requests_of(TestClient(app), pair)

    assert set(details) == {NOT_OPENED}
    [said] = [each for each in caplog.records if each.levelno == logging.ERROR]
    assert said.getMessage().startswith(NOT_OPENED)
    assert "with TestClient(app)" in said.getMessage()


def test_in_production_the_log_says_so_and_the_answer_does_not(
    url: str, caplog: pytest.LogCaptureFixture
) -> None:
    client = TestClient(app_with(in_production(url)))

    answer = client.post("/auth/login", json=ADA)

    assert answer.status_code == 503
    assert answer.json()["detail"] == Unavailable.detail
    assert NOT_OPENED in caplog.text


async def test_health_says_that_it_has_not_been_opened(url: str, keyring: Keyring) -> None:
    auth = on(url, keyring)

    health = await auth.health()

    assert not health.is_ready
    assert health.feed is Condition.FAILING
    assert health.reasons == (NOT_OPENED,)
    with pytest.raises(Unavailable, match="has not been opened"):
        await auth.require_ready()


async def test_a_closed_auth_says_that_it_is_closed_until_it_is_opened_again(
    url: str, keyring: Keyring
) -> None:
    auth = on(url, keyring)
    async with auth:
        ada = await a_user(auth)
        pair = await login_as(auth, ada)

    with pytest.raises(Closed):
        await auth.verify_access(pair.access_token)
    with pytest.raises(Closed):
        await auth.renew(pair.refresh_token)
    assert (await auth.health()).reasons == (Closed.detail,)

    async with auth:
        assert (await auth.verify_access(pair.access_token)).subject == ada.id


async def test_each_auth_on_a_shared_storage_is_opened_for_itself(
    url: str, keyring: Keyring
) -> None:
    one = on(url, keyring)
    other = make_auth(storage=one.storage, keyring=keyring)

    async with one:
        pair = await login_as(one, await a_user(one))

        assert await one.verify_access(pair.access_token)
        with pytest.raises(NotOpened):
            await other.verify_access(pair.access_token)


async def test_in_memory_there_is_nothing_to_open() -> None:
    auth = make_auth(storage=MemoryStorage())

    pair = await login_as(auth, await a_user(auth))

    assert await auth.verify_access(pair.access_token)
    assert (await auth.health()).is_ready
