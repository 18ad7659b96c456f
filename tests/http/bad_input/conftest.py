"""Logs at the most verbose level, for the checks that they repeat no input, and a client."""

import logging

import httpx2
import pytest

from tests.http.conftest import bearer
from tokenpair import Auth, EmailAddress, User
from tokenpair.core.accounts.user import StoredUser
from tokenpair.ids import uuid7
from tokenpair.testing import login_as


@pytest.fixture(autouse=True)
def _log_everything(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)


@pytest.fixture
async def client(client: httpx2.AsyncClient, auth: Auth, password_hash: str) -> httpx2.AsyncClient:
    """Send every request with a user's access token: some endpoints need it."""
    owner = User(id=uuid7(), email=EmailAddress.parse("owner@example.com"), created_at=auth.clock())
    async with auth.storage.begin() as tx:
        await tx.users.add(StoredUser(user=owner, password_hash=password_hash))
    client.headers.update(bearer((await login_as(auth, owner)).access_token))
    return client
