"""A worker in this process: an `Auth` on a real database, and a client of its app."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import httpx2
from fastapi import FastAPI

from tests.http.conftest import bearer, talking_to, told
from tokenpair import Auth, FeedOptions, Keyring, Lifetimes, Rules
from tokenpair.core.tokens.lifetimes import ACCESS
from tokenpair.fastapi import AccessToken, install
from tokenpair.passwords import Argon2Passwords
from tokenpair.ports import WakeUp
from tokenpair.stores.sql import SqlStorage, Timeouts
from tokenpair.testing import CHEAP

FOR_EVER = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Worker:
    """Its `Auth`, and a client for HTTP."""

    auth: Auth
    client: httpx2.AsyncClient

    async def says(self, access: str) -> tuple[int, str]:
        """Return status and code of its answer to an access token; this reads no database."""
        answer = await self.client.get("/open", headers=bearer(access))
        assert answer.status_code != 503 or answer.headers["retry-after"]
        return (200, "") if answer.status_code == 200 else told(answer)

    async def renew(self, refresh: str) -> httpx2.Response:
        """Present a refresh token."""
        answer = await self.client.post("/auth/refresh_token", headers=bearer(refresh))
        assert answer.status_code != 503 or answer.headers["retry-after"]
        return answer


@asynccontextmanager
async def working(
    url: str,
    keyring: Keyring,
    *,
    wake_up: WakeUp | None = None,
    poll: timedelta = timedelta(milliseconds=50),
    max_staleness: timedelta = FOR_EVER,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    access: timedelta = ACCESS,
    is_open: bool = True,
    timeouts: Timeouts = Timeouts(),  # noqa: B008  It is frozen.
) -> AsyncIterator[Worker]:
    """Run one during the block; without `is_open`, do not open it first."""
    auth = Auth(
        storage=SqlStorage.from_url(url, timeouts=timeouts),
        keyring=keyring,
        issuer="https://auth.test",
        passwords=Argon2Passwords(CHEAP),
        feed_options=FeedOptions(wake_up=wake_up, poll=poll, max_staleness=max_staleness),
        clock=clock,
        rules=Rules(
            lifetimes=Lifetimes(access=access, idle=access + timedelta(days=7)), limits=False
        ),
    )
    app = FastAPI()
    install(app, auth, problems=True)

    @app.get("/open")
    async def open_(token: AccessToken) -> str:
        return token.token_id

    async with talking_to(app, raise_app_exceptions=False) as client:
        try:
            if is_open:
                await auth.open()
            yield Worker(auth=auth, client=client)
        finally:
            await auth.close()
