"""A small app with the library, behind a real server, for verifiers of other libraries."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx2
import uvicorn
from fastapi import FastAPI
from uvicorn.config import Config

from tests.waiting import LIMIT_SECONDS
from tokenpair import Auth, Key, Keyring
from tokenpair.core.tokens.key import KeyState
from tokenpair.fastapi import install
from tokenpair.passwords import Argon2Passwords
from tokenpair.stores.memory import MemoryStorage
from tokenpair.testing import CHEAP, PASSWORD, a_user


@dataclass(frozen=True)
class Issuer:
    """A running issuer that is its own audience, and a new access token of it."""

    url: str
    auth: Auth
    token: str

    @property
    def jwks_uri(self) -> str:
        """Find the keys as a verifier does that knows only the issuer (RFC 8414)."""
        url = f"{self.url}/.well-known/oauth-authorization-server"
        found: str = httpx2.get(url).json()["jwks_uri"]
        return found

    def jwks(self) -> dict[str, Any]:
        """Fetch the public keys."""
        keys: dict[str, Any] = httpx2.get(self.jwks_uri).json()
        return keys


def keyring_of(algorithms: str) -> Keyring:
    """Make a keyring, newest key first, of `"EdDSA, ES256 signs"`."""
    names = [each.split() for each in algorithms.split(", ")]
    return Keyring(
        Key.generate(name, state=KeyState.SIGNING if signs else KeyState.PUBLISHED)
        for name, *signs in names
    )


@contextmanager
def running_issuer(keyring: Keyring, *, roles: str = "") -> Iterator[Issuer]:
    """Serve an app in a thread, on a free port; stop it at the end."""
    app = FastAPI()
    server = uvicorn.Server(Config(app, port=0, log_level="warning", ws="none"))
    socket = server.config.bind_socket()
    url = f"http://127.0.0.1:{socket.getsockname()[1]}"
    passwords = Argon2Passwords(CHEAP)
    auth = Auth(storage=MemoryStorage(), keyring=keyring, issuer=url, passwords=passwords)
    install(app, auth)

    @app.post("/ada")
    async def ada() -> str:
        user = await a_user(auth, roles=roles)
        pair = await auth.log_in(email=user.email.typed, password=PASSWORD)
        return pair.access_token

    thread = threading.Thread(target=server.run, kwargs={"sockets": [socket]})
    thread.start()
    try:
        _wait_for(server)
        token = httpx2.post(f"{url}/ada").json()
        yield Issuer(url=url, auth=auth, token=token)
    finally:
        server.should_exit = True
        thread.join()
        socket.close()


def _wait_for(server: uvicorn.Server) -> None:
    deadline = time.monotonic() + LIMIT_SECONDS
    while not server.started:
        assert time.monotonic() < deadline, "the server has not started"
        time.sleep(0.01)
