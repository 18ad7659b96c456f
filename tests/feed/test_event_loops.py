"""All that lives as long as the process works in one event loop after another.

An app at module level needs it under `TestClient`: each of its `with` blocks has its own loop.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from tests.valkey import valkey
from tests.waiting import LIMIT_SECONDS, eventually
from tokenpair import Auth, FeedOptions, Key, Keyring
from tokenpair.feed.postgres import PostgresWakeUp
from tokenpair.feed.valkey import ValkeyWakeUp
from tokenpair.passwords import Argon2Passwords
from tokenpair.ports import Storage, WakeUp
from tokenpair.stores.memory import MemoryStorage
from tokenpair.stores.sql import SqlStorage
from tokenpair.stores.sql.pool import default_pool_size
from tokenpair.stores.sql.postgres.connection import Connector
from tokenpair.testing import CHEAP, a_user, login_as

POOL_SIZE = default_pool_size()

FOR_EVER = timedelta(days=1)
KEYRING = Keyring([Key.generate()])
CROWD = 3 * POOL_SIZE
"""Number of concurrent callers: more than there are connections, so that some wait."""


def an_auth(storage: Storage, wake_up: WakeUp | None, poll: timedelta) -> Auth:
    return Auth(
        storage=storage,
        keyring=KEYRING,
        issuer="https://auth.test",
        passwords=Argon2Passwords(CHEAP),
        feed_options=FeedOptions(wake_up=wake_up, poll=poll, max_staleness=FOR_EVER),
    )


def in_loops_of_their_own(*work: Callable[[], Awaitable[None]]) -> None:
    for each in work:
        asyncio.run(asyncio.wait_for(each(), LIMIT_SECONDS))


@pytest.mark.parametrize("kind", ["sqlite", "postgres", "woken", "memory"])
def test_an_auth_serves_a_crowd_in_one_loop_after_another(
    request: pytest.FixtureRequest, tmp_path: Path, kind: str
) -> None:
    def a_storage() -> Storage:
        return MemoryStorage() if kind == "memory" else SqlStorage.from_url(url)

    is_postgres = kind in {"postgres", "woken"}
    url = request.getfixturevalue("postgres_url") if is_postgres else f"sqlite:///{tmp_path}/a.db"
    storage, bell, poll = a_storage(), None, timedelta(milliseconds=20)
    if kind == "woken":
        bell, poll = PostgresWakeUp(Connector(url).connect), FOR_EVER
    auth = an_auth(storage, bell, poll)

    async def serve_a_crowd() -> None:
        async with auth:
            ada = await a_user(auth, f"{uuid4().hex}@example.com")
            pairs = [await login_as(auth, ada) for _ in range(CROWD)]
            new = await asyncio.gather(*(auth.renew(pair.refresh_token) for pair in pairs))
            await hear_from_another(new[0].access_token)
            await asyncio.gather(*(auth.log_out(pair.refresh_token) for pair in new[1:]))

    async def hear_from_another(access: str) -> None:
        """What it revokes itself it would know in any case."""
        if kind == "memory":
            return
        known = len(auth.feed)
        there = bell and PostgresWakeUp(Connector(url).connect)
        async with an_auth(a_storage(), there, FOR_EVER) as other:
            await other.log_out(access)
            await eventually(lambda: len(auth.feed) > known)

    in_loops_of_their_own(serve_a_crowd, serve_a_crowd)


@pytest.mark.parametrize("kind", ["sqlite", "postgres", "memory"])
def test_a_storage_lets_them_wait_for_one_another_in_one_loop_after_another(
    request: pytest.FixtureRequest, tmp_path: Path, kind: str
) -> None:
    url = f"sqlite:///{tmp_path}/a.db"
    if kind == "postgres":
        url = request.getfixturevalue("postgres_url")
    storage = MemoryStorage() if kind == "memory" else SqlStorage.from_url(url)

    async def write() -> None:
        async with storage.begin():
            await asyncio.sleep(0.001)

    async def work() -> None:
        await storage.open(migrate=True)
        await asyncio.gather(*(write() for _ in range(CROWD)))
        await asyncio.gather(*(storage.read_feed(None) for _ in range(CROWD)))
        await storage.close()

    in_loops_of_their_own(work, work)


def test_valkey_wakes_in_one_loop_after_another() -> None:
    with valkey() as server:
        wake_in_two_loops(ValkeyWakeUp(server.url))


def wake_in_two_loops(bell: ValkeyWakeUp) -> None:

    async def wake_a_lot() -> None:
        notifications = bell.notifications()
        await anext(notifications)
        await asyncio.gather(*(bell.notify() for _ in range(CROWD)))
        await anext(notifications)
        await bell.close()

    in_loops_of_their_own(wake_a_lot, wake_a_lot)
