"""The measured apps: tokenpair's routes, and the routes that they are compared with."""

import gc
import os
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

from fastapi import Depends, FastAPI
from starlette.types import ASGIApp, Receive, Scope, Send

from bench import steps
from tokenpair import Auth, FeedOptions, Rules, Windows
from tokenpair.fastapi import AccessToken, AccessTokenMiddleware, install
from tokenpair.fastapi.route import DirectRoute
from tokenpair.feed.postgres import PostgresWakeUp
from tokenpair.feed.valkey import ValkeyWakeUp
from tokenpair.key_file import read_keyring
from tokenpair.passwords import Argon2Cost, Argon2Passwords
from tokenpair.ports import Storage, WakeUp
from tokenpair.stores.memory import MemoryStorage
from tokenpair.stores.sql import SqlStorage
from tokenpair.stores.sql.postgres.connection import Connector

MEMORY = "memory:"
BARE, NO_OP, PROTECTED = "/bare", "/no-op", "/protected"

POSTGRESQL_POLL_MS, SQLITE_POLL_MS = 250, 50
"""Interval between two polls of the feed, in milliseconds."""


def create_app() -> ASGIApp:
    """Create the app from the BENCH_ variables, with each measured route in an app of its own.

    FastAPI tries its routes one after another. So a route is not slowed down by the others, and a
    renewal only by the routes that `install` adds before it. As in Bookly, the garbage collector
    ignores the objects that exist at the start.
    """
    auth, main = create_auth(), FastAPI()
    install(main, auth)
    apps = {BARE: FastAPI(), NO_OP: FastAPI(), PROTECTED: FastAPI()}
    apps[BARE].get(BARE)(bare)
    apps[NO_OP].get(NO_OP, dependencies=[Depends(nothing)])(bare)
    apps[PROTECTED].get(PROTECTED)(protected)
    for path, endpoint in steps.endpoints(auth).items():
        apps[path] = app = FastAPI()
        app.router.add_api_route(path, endpoint, methods=["POST"], route_class_override=DirectRoute)
    for app in apps.values():
        install(app, auth)
    gc.freeze()
    return _side_by_side(apps, main)


def create_guarded_app() -> ASGIApp:
    """Create an app with a middleware that checks every request before routing."""
    app = FastAPI()
    app.get(BARE)(bare)
    install(app, create_auth())
    app.add_middleware(AccessTokenMiddleware)
    gc.freeze()
    return _side_by_side({}, app)  # Routed in the same way as what it is compared with.


def _side_by_side(apps: Mapping[str, ASGIApp], main: ASGIApp) -> ASGIApp:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await apps.get(scope.get("path", ""), main)(scope, receive, send)

    return app


async def nothing() -> None:
    """Do nothing: this measures the cost of `Depends` itself."""


async def bare() -> dict[str, bool]:
    """Answer without a check."""
    return {"ok": True}


async def protected(_: AccessToken) -> dict[str, bool]:
    """Answer requests with a valid access token."""
    return {"ok": True}


def create_auth() -> Auth:
    """Create an `Auth` as in production, with three differences.

    Every renewal rotates; in production, a session rotates at most once in two minutes, and its
    other renewals are cheaper. BENCH_ARGON2_KIB is the memory of a hash. Attempts are not limited,
    because all come from one address.
    """
    url = os.environ["BENCH_DATABASE_URL"]
    return Auth(
        storage=_storage(url),
        keyring=read_keyring(Path(os.environ["BENCH_KEYS"])),
        issuer="http://bench",
        passwords=Argon2Passwords(Argon2Cost(memory_kib=int(os.environ["BENCH_ARGON2_KIB"]))),
        rules=Rules(windows=Windows(repeat=timedelta(0), superseded=timedelta(0)), limits=False),
        feed_options=FeedOptions(
            poll=timedelta(
                milliseconds=SQLITE_POLL_MS if url.startswith("sqlite") else POSTGRESQL_POLL_MS
            ),
            wake_up=_wake_up(url, os.environ["BENCH_WAKE_UP"]),
        ),
    )


def _storage(url: str) -> Storage:
    return MemoryStorage() if url == MEMORY else SqlStorage.from_url(url)


def _wake_up(url: str, how: str) -> WakeUp | None:
    """Return the wake-up for "own" (the database's), "none", or the URL of a Valkey."""
    if how == "own" and url.startswith("postgresql"):
        return PostgresWakeUp(Connector(url).connect)
    return None if how in {"own", "none"} else ValkeyWakeUp(how)
