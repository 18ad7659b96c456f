"""The app that is measured: our routes, beside the routes that they are compared with."""

import os
from datetime import timedelta
from pathlib import Path

from fastapi import Depends, FastAPI

from tokenpair import Auth, Windows
from tokenpair.fastapi import AccessToken, install
from tokenpair.key_file import read_keyring
from tokenpair.passwords import Argon2Cost, Argon2Passwords
from tokenpair.stores.sql import SqlStorage


async def nothing() -> None:
    """Be a dependency that does nothing: what `Depends` itself costs."""


def create_app() -> FastAPI:
    """Build the app, as the BENCH_ variables say."""
    app = FastAPI()

    @app.get("/bare")
    async def bare() -> dict[str, bool]:
        return {"ok": True}

    @app.get("/no-op", dependencies=[Depends(nothing)])
    async def no_op() -> dict[str, bool]:
        return {"ok": True}

    @app.get("/protected")
    async def protected(_: AccessToken) -> dict[str, bool]:
        return {"ok": True}

    auth = Auth(
        storage=SqlStorage.from_url(os.environ["BENCH_DATABASE_URL"]),
        keyring=read_keyring(Path(os.environ["BENCH_KEYS"])),
        issuer="http://bench",
        passwords=Argon2Passwords(Argon2Cost(memory_kib=int(os.environ["BENCH_ARGON2_KIB"]))),
        # So that every renewal rotates: in real life all but one in two minutes are cheaper.
        windows=Windows(repeat=timedelta(0), superseded=timedelta(0)),
    )
    install(app, auth)
    return app
