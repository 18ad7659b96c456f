"""A watched hasher, and an app that hashes with it."""

from collections.abc import AsyncIterator, Iterator

import httpx2
import pytest
from fastapi import FastAPI

from tests.passwords.hashers import WatchedHasher, WatchedPasswords
from tokenpair import Auth
from tokenpair.fastapi import install
from tokenpair.passwords import (
    Argon2Passwords,
)
from tokenpair.testing import CHEAP, make_auth


@pytest.fixture
def hasher() -> Iterator[WatchedHasher]:
    hasher = WatchedHasher()
    yield hasher
    hasher.may_go_on.set()


@pytest.fixture
def passwords() -> Argon2Passwords:
    return Argon2Passwords(CHEAP)


@pytest.fixture
def watched_auth(hasher: WatchedHasher) -> Auth:
    return make_auth(passwords=WatchedPasswords(hasher, threads=1, max_waiting=1))


@pytest.fixture
async def client(watched_auth: Auth) -> AsyncIterator[httpx2.AsyncClient]:
    app = FastAPI()
    install(app, watched_auth)
    transport = httpx2.ASGITransport(app=app)
    async with httpx2.AsyncClient(transport=transport, base_url="https://auth.test") as client:
        yield client
