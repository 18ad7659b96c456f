"""Old sessions are removed in the background, and renewals do not wait for it."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.waiting import limit
from tokenpair.background import Background
from tokenpair.flows.sessions.prune import BATCH, Prune
from tokenpair.ports import Storage
from tokenpair.stores.memory import MemoryStorage
from tokenpair.stores.sql import SqlStorage
from tokenpair.stores.sql.prune import prune
from tokenpair.testing import FakeClock, make_auth
from tokenpair.testing.store_contract import (
    FORGIVING,
    NOW,
    keep,
    make_session,
    make_token,
    make_user,
    read_session,
)

OVER = NOW - timedelta(days=2)


@pytest.fixture
async def postgres(postgres_url: str) -> AsyncIterator[SqlStorage]:
    storage = SqlStorage.from_url(postgres_url)
    await storage.open(migrate=True)
    yield storage
    await storage.close()


async def keep_sessions(storage: Storage, number: int) -> None:
    """Store `number` sessions that are over."""
    user = make_user("over@example.com")
    await keep(storage, user, *(make_session(user, expires_at=OVER) for _ in range(number)))


async def test_it_goes_on_until_nothing_is_left() -> None:
    storage = MemoryStorage()
    await keep_sessions(storage, 2 * BATCH + 1)
    pruning = Prune(storage=storage, clock=FakeClock(NOW))

    removed = [await pruning(), await pruning()]

    assert removed == [2 * BATCH + 1, 0]


async def test_an_open_auth_prunes_by_itself() -> None:
    storage = MemoryStorage()
    await keep_sessions(storage, 3)
    auth = make_auth(storage=storage, clock=FakeClock(NOW))
    tasks = auth._background._to_repeat
    auth._background = Background(*(replace(task, seconds=0) for task in tasks))

    async with auth, limit():
        while storage._tables.sessions:
            await asyncio.sleep(0)


async def test_one_worker_does_it_at_a_time(postgres: SqlStorage) -> None:
    await keep_sessions(postgres, 4)

    async with postgres._writing() as elsewhere:
        first = await prune(elsewhere, NOW, 2)
        second = await postgres.prune(NOW, 2)
    third = await postgres.prune(NOW, 2)

    assert [first, second, third] == [2, 0, 2]


async def test_a_renewal_does_not_wait_for_it(postgres: SqlStorage) -> None:
    user = make_user()
    live, over = make_session(user), make_session(user, expires_at=OVER)
    await keep(postgres, user, live, over)

    async with postgres._writing() as connection, limit():
        removed = await prune(connection, NOW, 10)
        renewed = await postgres.renew(make_token(live), NOW, FORGIVING)

    assert removed == 1
    assert renewed


async def test_a_session_that_is_locked_is_left_for_later(postgres: SqlStorage) -> None:
    user = make_user()
    held, free = make_session(user, expires_at=OVER), make_session(user, expires_at=OVER)
    await keep(postgres, user, held, free)

    async with postgres.begin() as tx:
        await tx.sessions.lock(held.user_id, held.id)
        async with limit():
            removed = await postgres.prune(NOW, 10)

    assert removed == 1
    assert await read_session(postgres, held) == held
