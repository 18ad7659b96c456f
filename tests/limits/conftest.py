"""An `Auth` with limits, by what counts the attempts, and a hasher that counts comparisons."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TypeVar

import pytest

from tests.valkey import ValkeyServer, valkey
from tokenpair import Auth, Key, Keyring
from tokenpair.limits.valkey import ValkeyLimits
from tokenpair.ports import Verified
from tokenpair.stores.memory import MemoryStorage
from tokenpair.stores.sql import SqlStorage
from tokenpair.testing import FakeClock, make_auth

T = TypeVar("T")
Start = Callable[[], Awaitable[Auth]]

KEYRING = Keyring([Key.generate()])


class CountingPasswords:
    """Counts comparisons. Each gives way to what else runs, as a hash in a thread does."""

    running: int = 0
    waiting: int = 0

    def __init__(self) -> None:
        self.compared = 0

    async def hash(self, password: str) -> str:
        return f"plain:{password}"

    async def verify(self, password: str, password_hash: str | None) -> Verified:
        self.compared += 1
        await asyncio.sleep(0)
        return Verified(is_right=password_hash == f"plain:{password}")

    async def in_turn(self, work: Callable[[], T]) -> T:
        return work()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def passwords() -> CountingPasswords:
    return CountingPasswords()


@pytest.fixture(scope="session")
def valkey_server() -> Iterator[ValkeyServer]:
    with valkey() as server:
        yield server


@pytest.fixture(params=["memory", "sqlite", "postgres", "valkey"])
def counted_in(request: pytest.FixtureRequest) -> str:
    found: str = request.param
    return found


@pytest.fixture
async def start(
    request: pytest.FixtureRequest,
    counted_in: str,
    tmp_path: Path,
    clock: FakeClock,
    passwords: CountingPasswords,
) -> AsyncIterator[Start]:
    """Return a function that starts one more worker; all share what counts the attempts."""
    memory = MemoryStorage()
    async with AsyncExitStack() as stack:

        async def start() -> Auth:
            match counted_in:
                case "memory":
                    auth = limited(memory, clock, passwords)
                case "sqlite":
                    url = f"sqlite:///{tmp_path}/test.db"
                    auth = limited(SqlStorage.from_url(url), clock, passwords)
                case "postgres":
                    url = request.getfixturevalue("postgres_url")
                    auth = limited(SqlStorage.from_url(url), clock, passwords)
                case _:
                    server: ValkeyServer = request.getfixturevalue("valkey_server")
                    with server.client() as client:
                        client.flushall()
                    counters = ValkeyLimits(server.url)
                    auth = limited(memory, clock, passwords, counters)
            return await stack.enter_async_context(auth)

        yield start


def limited(
    storage: MemoryStorage | SqlStorage,
    clock: FakeClock,
    passwords: CountingPasswords,
    counters: ValkeyLimits | None = None,
) -> Auth:
    return make_auth(
        storage=storage,
        clock=clock,
        passwords=passwords,
        keyring=KEYRING,
        limits=counters or True,
    )


@pytest.fixture
async def auth(start: Start) -> Auth:
    return await start()
