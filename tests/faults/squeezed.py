"""A process that lacks something: `python -m tests.faults.squeezed WHAT URL`.

It signs a user up, takes the resource away, sends requests, and sends them again when the resource
is back. The answers and the log are printed as JSON.
"""

import asyncio
import json
import logging
import os
import resource
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx2
from fastapi import APIRouter, FastAPI

from tests.http.conftest import talking_to
from tokenpair import Auth, Key, Keyring, Rules
from tokenpair.fastapi import ProblemRoute, install
from tokenpair.passwords import Argon2Cost, Argon2Passwords
from tokenpair.stores.sql import SqlStorage
from tokenpair.testing import PASSWORD

MIB = 1024 * 1024
# More than the C library has reserved for a thread.
LARGE = Argon2Cost(memory_kib=128 * 1024)
ADA = {"email": "ada@example.com", "password": PASSWORD}
BOB = {"email": "bob@example.com", "password": PASSWORD}


@contextmanager
def address_space(headroom: int) -> Iterator[None]:
    """Limit this process to `headroom` bytes more than it uses."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    before = resource.getrlimit(resource.RLIMIT_AS)
    limit = pages * resource.getpagesize() + headroom
    resource.setrlimit(resource.RLIMIT_AS, (limit, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


@contextmanager
def no_descriptors() -> Iterator[None]:
    """Let this process open no more files."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    highest = max(int(each.name) for each in Path("/proc/self/fd").iterdir())
    resource.setrlimit(resource.RLIMIT_NOFILE, (highest + 1, before[1]))
    held: list[int] = []
    try:
        with suppress(OSError):
            while True:
                held.append(os.open(os.devnull, os.O_RDONLY))
        yield
    finally:
        for each in held:
            os.close(each)
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


class Answers:
    """The answers, for the test."""

    def __init__(self, client: httpx2.AsyncClient) -> None:
        self._client = client
        self.all: list[dict[str, object]] = []

    async def ask(self, path: str, body: dict[str, str]) -> None:
        self._keep(await self._client.post(path, json=body))

    async def renew(self, token: str) -> None:
        headers = {"Authorization": f"Bearer {token}"}
        self._keep(await self._client.post("/auth/refresh_token", headers=headers))

    def _keep(self, answer: httpx2.Response) -> None:
        self.all.append(
            {
                "status": answer.status_code,
                "code": answer.json().get("code"),
                "retry": answer.headers.get("retry-after"),
            }
        )


def auth_on(storage: SqlStorage, keyring: Keyring) -> Auth:
    return Auth(
        storage=storage,
        keyring=keyring,
        issuer="https://auth.test",
        passwords=Argon2Passwords(LARGE, threads=2),
        rules=Rules(limits=False),
    )


def app_with(auth: Auth) -> FastAPI:
    app = FastAPI()
    install(app, auth)
    router = APIRouter(route_class=ProblemRoute)

    @router.post("/large")
    async def large() -> int:
        return len(bytearray(256 * MIB))

    app.include_router(router)
    return app


async def without_descriptors(url: str) -> list[dict[str, object]]:
    """Send a first renewal, which opens a connection of its own."""
    async with auth_on(SqlStorage.from_url(url), Keyring([Key.generate()])) as auth:
        await auth.sign_up(email=ADA["email"], password=PASSWORD)
        pair = await auth.log_in(email=ADA["email"], password=PASSWORD)
        async with talking_to(app_with(auth), raise_app_exceptions=False) as client:
            answers = Answers(client)
            with no_descriptors():
                await answers.renew(pair.refresh_token)
            await answers.renew(pair.refresh_token)
    return answers.all


async def run(what: str, url: str) -> list[dict[str, object]]:
    if what == "descriptors":
        return await without_descriptors(url)
    storage, keyring = SqlStorage.from_url(url), Keyring([Key.generate()])
    async with auth_on(storage, keyring) as warm:
        await warm.sign_up(email=ADA["email"], password=PASSWORD)
        auth = auth_on(storage, keyring) if what == "threads" else warm
        await auth.open()
        async with talking_to(app_with(auth), raise_app_exceptions=False) as client:
            answers = Answers(client)
            if what == "memory":
                await answers.ask("/auth/login", ADA)  # Starts the threads.
            with address_space(4 * MIB if what == "threads" else 24 * MIB):
                await answers.ask("/auth/login", ADA)
                if what == "memory":
                    await answers.ask("/auth/signup", BOB)
                    await answers.ask("/large", {})
            await answers.ask("/auth/login", ADA)
        if auth is not warm:
            await auth.close()
    return answers.all


def main() -> None:
    messages: list[str] = []

    class Kept(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            messages.append(record.getMessage())

    log = logging.getLogger("tokenpair.fastapi.problems.answer")
    log.addHandler(Kept())
    answers = asyncio.run(run(*sys.argv[1:]))
    print(json.dumps({"answers": answers, "messages": messages}))


if __name__ == "__main__":
    main()
