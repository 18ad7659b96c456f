"""The app that is measured: our routes, beside the routes that they are compared with."""

import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

from fastapi import Depends, FastAPI

from tokenpair import Auth, Keyring, Windows
from tokenpair.core.claims import AccessClaims, RefreshClaims
from tokenpair.core.codec import Codec
from tokenpair.fastapi import AccessToken, AccessTokenMiddleware, install
from tokenpair.feed.postgres import PostgresWakeUp
from tokenpair.feed.valkey import ValkeyWakeUp
from tokenpair.key_file import read_keyring
from tokenpair.passwords import Argon2Cost, Argon2Passwords
from tokenpair.ports import Storage, WakeUp
from tokenpair.stores.memory import MemoryStorage
from tokenpair.stores.sql import SqlStorage
from tokenpair.stores.sql.postgres import connect_arguments

MEMORY = "memory:"


async def nothing() -> None:
    """Be a dependency that does nothing: what `Depends` itself costs."""


def create_app() -> FastAPI:
    """Build the app, as the BENCH_ variables say."""
    app, auth = FastAPI(), create_auth()

    @app.get("/bare")
    async def bare() -> dict[str, bool]:
        return {"ok": True}

    @app.get("/no-op", dependencies=[Depends(nothing)])
    async def no_op() -> dict[str, bool]:
        return {"ok": True}

    @app.get("/protected")
    async def protected(_: AccessToken) -> dict[str, bool]:
        return {"ok": True}

    sign = signing(auth.keyring)

    @app.post("/sign")
    async def signed() -> dict[str, str]:
        return sign()

    install(app, auth)
    return app


def create_guarded_app() -> FastAPI:
    """Build the app whose every request is checked, before any route is looked for."""
    app = create_app()
    app.add_middleware(AccessTokenMiddleware)
    return app


def signing(keyring: Keyring) -> Callable[[], dict[str, str]]:
    """Sign a new pair at every call, and do nothing else: what no renewal can go below."""
    codec, now = Codec(keyring, issuer="http://bench", audience="http://bench"), datetime.now(UTC)
    access = AccessClaims(
        subject=uuid4(),
        session_id=uuid4(),
        token_id="A" * 22,
        roles=frozenset(),
        version=1,
        authenticated_at=now,
        issued_at=now,
        expires_at=now + timedelta(days=1),
    )
    refresh = RefreshClaims(
        subject=access.subject,
        session_id=access.session_id,
        token_id="A" * 22,
        parent="A" * 22,
        generation=1,
        secret=bytes(16),
        issued_at=now,
        expires_at=now + timedelta(days=1),
    )
    return lambda: {"access_token": codec.encode(access), "refresh_token": codec.encode(refresh)}


def create_auth() -> Auth:
    """Put the library together as it is in production, but for two things.

    Every renewal rotates: in real life all but one in two minutes are cheaper. And a hash costs
    what BENCH_ARGON2_KIB says.
    """
    url = os.environ["BENCH_DATABASE_URL"]
    return Auth(
        storage=_storage(url),
        keyring=read_keyring(Path(os.environ["BENCH_KEYS"])),
        issuer="http://bench",
        passwords=Argon2Passwords(Argon2Cost(memory_kib=int(os.environ["BENCH_ARGON2_KIB"]))),
        windows=Windows(repeat=timedelta(0), superseded=timedelta(0)),
        poll=timedelta(milliseconds=50 if url.startswith("sqlite") else 250),
        wake_up=_wake_up(url, os.environ["BENCH_WAKE_UP"]),
    )


def _storage(url: str) -> Storage:
    return MemoryStorage() if url == MEMORY else SqlStorage.from_url(url)


def _wake_up(url: str, how: str) -> WakeUp | None:
    """`how` is "own" for the database's own way, "none", or the URL of a Valkey."""
    if how == "own" and url.startswith("postgresql"):
        return PostgresWakeUp(connect_arguments(url))
    return None if how in {"own", "none"} else ValkeyWakeUp(how)
