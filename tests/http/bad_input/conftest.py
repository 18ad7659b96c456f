"""Logs at the most verbose level, for the checks that they repeat no input, and a client."""

import logging
from collections.abc import AsyncIterator

import httpx2
import pytest
from fastapi import FastAPI

from tests.http.conftest import bearer, talking_to
from tokenpair import Auth, EmailAddress, User
from tokenpair.core.accounts.user import StoredUser
from tokenpair.fastapi import install
from tokenpair.ids import uuid7
from tokenpair.testing import login_as, make_auth


@pytest.fixture(autouse=True)
def _log_everything(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)


@pytest.fixture
async def client(client: httpx2.AsyncClient, auth: Auth, password_hash: str) -> httpx2.AsyncClient:
    """Send every request with a user's access token: some endpoints need it."""
    await authenticate(client, auth, password_hash)
    return client


@pytest.fixture(scope="module")
async def shared_client(password_hash: str) -> AsyncIterator[httpx2.AsyncClient]:
    """Do as `client` does, for all tests of a file that change nothing.

    To make an app takes longer than most of them.
    """
    app, auth = FastAPI(), make_auth()
    install(app, auth)
    async with auth, talking_to(app) as client:
        await authenticate(client, auth, password_hash)
        yield client


async def authenticate(client: httpx2.AsyncClient, auth: Auth, password_hash: str) -> None:
    owner = User(id=uuid7(), email=EmailAddress.parse("owner@example.com"), created_at=auth.clock())
    async with auth.storage.begin() as tx:
        await tx.users.add(StoredUser(user=owner, password_hash=password_hash))
    client.headers.update(bearer((await login_as(auth, owner)).access_token))
