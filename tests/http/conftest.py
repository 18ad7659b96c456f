"""A small app with the library in it, a client for it, and a bench for forging tokens."""

import asyncio
import json
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey
from joserfc.jws import JWSRegistry

from tokenpair import Auth, EmailAddress, Key, Keyring, TokenPair, User, Windows
from tokenpair.core.accounts.user import StoredUser
from tokenpair.core.tokens.encoding import base64url, from_base64url
from tokenpair.fastapi import install
from tokenpair.ids import uuid7
from tokenpair.passwords import Argon2Passwords
from tokenpair.ports import Storage
from tokenpair.stores.memory import MemoryStorage
from tokenpair.stores.sql import SqlStorage
from tokenpair.testing import CHEAP, PASSWORD, FakeClock, login_as, make_auth

CLIENT_ADDRESS = "203.0.113.7"
on_both_storages = pytest.mark.parametrize("storage", ["memory", "sqlite"], indirect=True)


OPEN = (
    "email.change.confirm",
    "email.verify",
    "invitations.accept",
    "jwks",
    "login",
    "logout",
    "metadata",
    "password.forgot",
    "password.reset",
    "refresh_token",
    "refresh_token.get",
    "signup",
)
"""The endpoints that need no access token."""


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def keyring() -> Keyring:
    return Keyring([Key.generate()])


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Migrate one database for the whole run; each test that needs one gets a copy."""
    path = tmp_path_factory.mktemp("sqlite") / "template.db"

    async def migrate() -> None:
        storage = SqlStorage.from_url(f"sqlite:///{path}")
        await storage.open(migrate=True)
        await storage.close()

    asyncio.run(migrate())
    return path


@pytest.fixture
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Storage:
    """Return a storage in memory, or the one that `on_both_storages` names."""
    if getattr(request, "param", "memory") == "memory":
        return MemoryStorage()
    path = tmp_path / "test.db"
    shutil.copy(request.getfixturevalue("migrated_sqlite"), path)
    return SqlStorage.from_url(f"sqlite:///{path}")


@pytest.fixture
def windows() -> Windows:
    return Windows()


@pytest.fixture
def auth(storage: Storage, clock: FakeClock, keyring: Keyring, windows: Windows) -> Auth:
    return make_auth(storage=storage, clock=clock, keyring=keyring, windows=windows)


@pytest.fixture
def app(auth: Auth) -> FastAPI:
    app = FastAPI()
    install(app, auth)
    return app


@pytest.fixture
async def client(app: FastAPI, auth: Auth) -> AsyncIterator[httpx2.AsyncClient]:
    async with auth, talking_to(app) as client:
        yield client


def talking_to(app: FastAPI, *, raise_app_exceptions: bool = True) -> httpx2.AsyncClient:
    transport = httpx2.ASGITransport(
        app=app, raise_app_exceptions=raise_app_exceptions, client=(CLIENT_ADDRESS, 4711)
    )
    return httpx2.AsyncClient(transport=transport, base_url="https://auth.test")


@pytest.fixture(scope="session")
def password_hash() -> str:
    return asyncio.run(Argon2Passwords(CHEAP).hash(PASSWORD))


@pytest.fixture
async def ada(client: httpx2.AsyncClient, auth: Auth, password_hash: str) -> User:
    """Store a user without the work of a sign-up; `client` closes the storage."""
    assert not client.is_closed
    ada = User(
        id=uuid7(),
        email=EmailAddress.parse("ada@example.com"),
        created_at=auth.clock(),
        profile={"nickname": "Ada"},
    )
    async with auth.storage.begin() as tx:
        await tx.users.add(StoredUser(user=ada, password_hash=password_hash))
    return ada


@pytest.fixture
async def pair(auth: Auth, ada: User) -> TokenPair:
    return await login_as(auth, ada)


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


async def renew(client: httpx2.AsyncClient, token: str) -> httpx2.Response:
    return await client.post("/auth/refresh_token", headers=bearer(token))


async def is_live(client: httpx2.AsyncClient, access_token: str) -> bool:
    return (await client.get("/auth/me", headers=bearer(access_token))).status_code == 200


def told(response: httpx2.Response) -> tuple[int, str]:
    """Return status and code of a problem, after a check of its form and headers."""
    problem = response.json()
    assert response.headers["content-type"] == "application/problem+json"
    assert response.headers["cache-control"] == "no-store"
    assert problem["status"] == response.status_code
    assert {"type", "title", "status", "detail", "code"} <= problem.keys()
    if response.status_code == 401:
        assert response.headers["www-authenticate"].startswith('Bearer realm="tokenpair"')
    return response.status_code, problem["code"]


def says_invalid_token(response: httpx2.Response) -> bool:
    """Does the challenge say that the token was invalid (RFC 6750 §3.1)?"""
    return 'error="invalid_token"' in response.headers.get("www-authenticate", "")


Material = ECKey | OKPKey | RSAKey | OctKey
Json = dict[str, Any]


@dataclass(frozen=True)
class Bench:
    """Forges tokens: it has a genuine one, and the key that signed it."""

    key: Key
    token: str
    other: str  # The genuine token of the other kind.

    @property
    def header(self) -> Json:
        header: Json = json.loads(from_base64url(self.token.split(".")[0]))
        return header

    @property
    def claims(self) -> Json:
        claims: Json = json.loads(from_base64url(self.token.split(".")[1]))
        return claims

    @property
    def is_refresh(self) -> bool:
        return bool(self.header["typ"] == "rt+jwt")

    @property
    def material(self) -> Material:
        return self.key.refresh_key if self.is_refresh else self.key.material

    def sign(
        self,
        header: Json | str,
        claims: Json | str | bytes,
        material: Material | None = None,
        algorithm: str = "",
    ) -> str:
        """Sign any content; by default with the right key and algorithm."""
        # In our own form: a header is compared byte by byte.
        head = header if isinstance(header, str) else json.dumps(header, separators=(",", ":"))
        body = json.dumps(claims) if isinstance(claims, dict) else claims
        body = body.encode() if isinstance(body, str) else body
        signed = f"{base64url(head.encode())}.{base64url(body)}"
        sign = JWSRegistry.algorithms[algorithm or self.header["alg"]].sign
        signature = sign(signed.encode(), material or self.material)
        return f"{signed}.{base64url(signature)}"

    def with_header(self, **changes: Any) -> str:
        return self.sign(self.header | changes, self.claims)

    def without_header(self, name: str) -> str:
        return self.sign({n: v for n, v in self.header.items() if n != name}, self.claims)

    def with_claims(self, **changes: Any) -> str:
        return self.sign(self.header, self.claims | changes)

    def without_claim(self, name: str) -> str:
        return self.sign(self.header, {n: v for n, v in self.claims.items() if n != name})

    def with_raw_claim(self, name: str, text: str) -> str:
        """Write a claim in JSON that Python would not write."""
        body = json.dumps(self.claims | {name: "@here"})
        return self.sign(self.header, body.replace('"@here"', text))


@pytest.fixture
def access_bench(keyring: Keyring, pair: TokenPair) -> Bench:
    return Bench(key=keyring.signing, token=pair.access_token, other=pair.refresh_token)


@pytest.fixture
def refresh_bench(keyring: Keyring, pair: TokenPair) -> Bench:
    return Bench(key=keyring.signing, token=pair.refresh_token, other=pair.access_token)
