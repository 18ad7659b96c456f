"""A process that runs short of a resource: `python -m tests.faults.squeezed RESOURCE URL`.

RESOURCE is `memory`, `threads` or `descriptors`; URL is a database. The process signs a user up,
takes the resource away, sends requests, and repeats one when the resource is back. It prints the
answers and the log messages as JSON.
"""

import asyncio
import json
import logging
import os
import resource
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
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
# A hash needs more memory than the C library has reserved for a thread.
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
    """Sends requests, and keeps what the test compares of the answers."""

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


@asynccontextmanager
async def asking(auth: Auth) -> AsyncIterator[Answers]:
    """Send requests to an app with this `Auth`."""
    async with talking_to(app_with(auth), raise_app_exceptions=False) as client:
        yield Answers(client)


async def without_memory(url: str) -> list[dict[str, object]]:
    async with auth_on(SqlStorage.from_url(url), Keyring([Key.generate()])) as auth:
        await auth.sign_up(email=ADA["email"], password=PASSWORD)
        async with asking(auth) as answers:
            await answers.ask("/auth/login", ADA)  # Its threads must exist before memory is short.
            with address_space(24 * MIB):
                await answers.ask("/auth/login", ADA)
                await answers.ask("/auth/signup", BOB)
                await answers.ask("/large", {})
            await answers.ask("/auth/login", ADA)
    return answers.all


async def without_threads(url: str) -> list[dict[str, object]]:
    """Log in with an `Auth` that has not started a thread for a hash yet."""
    storage, keyring = SqlStorage.from_url(url), Keyring([Key.generate()])
    async with auth_on(storage, keyring) as warm:
        await warm.sign_up(email=ADA["email"], password=PASSWORD)
        async with auth_on(storage, keyring) as auth, asking(auth) as answers:
            with address_space(4 * MIB):
                await answers.ask("/auth/login", ADA)
            await answers.ask("/auth/login", ADA)
    return answers.all


async def without_descriptors(url: str) -> list[dict[str, object]]:
    """Send the first renewal of the process, which needs a new connection."""
    async with auth_on(SqlStorage.from_url(url), Keyring([Key.generate()])) as auth:
        await auth.sign_up(email=ADA["email"], password=PASSWORD)
        pair = await auth.log_in(email=ADA["email"], password=PASSWORD)
        async with asking(auth) as answers:
            with no_descriptors():
                await answers.renew(pair.refresh_token)
            await answers.renew(pair.refresh_token)
    return answers.all


RUNS = {
    "memory": without_memory,
    "threads": without_threads,
    "descriptors": without_descriptors,
}


def main() -> None:
    # The test client looks for it at each request. To look takes a file, if a folder has changed.
    sys.modules["sniffio"] = None  # type: ignore[assignment]  # The import fails at once.
    messages: list[str] = []

    class Kept(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            messages.append(record.getMessage())

    log = logging.getLogger("tokenpair.fastapi.problems.answer")
    log.addHandler(Kept())
    missing, url = sys.argv[1:]
    answers = asyncio.run(RUNS[missing](url))
    print(json.dumps({"answers": answers, "messages": messages}))


if __name__ == "__main__":
    main()
