"""A storage closes all its connections, even if the close or a caller is cancelled."""

import asyncio
import contextlib
import gc
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import pytest

from tests.servers import PostgresServer, connections, postgres
from tests.storages import PATIENT, database_url
from tests.waiting import LIMIT_SECONDS, limit
from tokenpair.core.sessions.rule import SessionState
from tokenpair.errors import Unavailable
from tokenpair.stores.sql import SqlStorage, Timeouts
from tokenpair.testing.store_contract import FORGIVING, NOW, make_session, make_token, make_user

TOKEN = make_token(make_session(make_user()))


@pytest.fixture
def server() -> Iterator[PostgresServer]:
    """A server of its own, because the test kills it."""
    with postgres() as server:
        yield server


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "test.db"


@pytest.fixture
def database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return database_url(request, tmp_path)


def renew(storage: SqlStorage) -> asyncio.Task[SessionState | None]:
    return asyncio.create_task(storage.renew(TOKEN, NOW, FORGIVING))


@asynccontextmanager
async def in_use(url: str, timeouts: Timeouts = PATIENT) -> AsyncIterator[SqlStorage]:
    """Open a storage, with one connection of each kind. The test closes it."""
    storage = SqlStorage.from_url(url, timeouts=timeouts)
    await storage.open(migrate=True)
    await asyncio.gather(renew(storage), renew(storage))
    await storage.read_feed(None)
    await storage.session_state(TOKEN.subject, TOKEN.session_id, NOW)
    yield storage


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Let another program hold the write lock of the file during the block."""
    with contextlib.closing(sqlite3.connect(path)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


def write(path: Path, seconds: float = LIMIT_SECONDS) -> None:
    """Write as another program does. Raises if the file stays locked."""
    with contextlib.closing(sqlite3.connect(path, timeout=seconds)) as other:
        other.execute("BEGIN IMMEDIATE")


async def break_off(storage: SqlStorage) -> None:
    """Cancel a close that waits, as a server does after a timeout."""
    closing = asyncio.create_task(storage.close())
    await asyncio.sleep(0.1)  # By then, the close waits.
    closing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await closing


async def test_a_close_with_a_timeout_interrupts_no_renewal_of_a_locked_file(path: Path) -> None:
    async with in_use(f"sqlite:///{path}") as storage:
        with locked(path):
            waiting = renew(storage)
            await asyncio.sleep(0.1)
            await break_off(storage)

        async with limit():
            assert await waiting is None
        write(path)
        await storage.close()


async def test_a_cancelled_writer_releases_the_lock_and_its_waiters(path: Path) -> None:
    """The end of an event loop cancels the writer in this way."""
    async with in_use(f"sqlite:///{path}") as storage:
        others = asyncio.all_tasks()
        with locked(path):
            waiting = {renew(storage), renew(storage)}
            await asyncio.sleep(0.1)
            (writer,) = asyncio.all_tasks() - others - waiting
            for _ in range(2):  # The second time while it cleans up.
                writer.cancel()
                await asyncio.sleep(0.1)

        async with limit():
            answers = await asyncio.gather(*waiting, return_exceptions=True)
            await asyncio.wait([writer])
        assert [type(answer) for answer in answers] == [Unavailable, Unavailable]
        write(path)
        assert await renew(storage) is None
        await storage.close()


async def test_a_writer_that_is_cancelled_at_any_step_leaves_no_waiter(path: Path) -> None:
    async with in_use(f"sqlite:///{path}") as storage:
        for steps in range(100):
            others = asyncio.all_tasks()
            first = renew(storage)
            await asyncio.sleep(0)
            (writer,) = asyncio.all_tasks() - others - {first}
            for _ in range(steps):  # It waits for the lock, writes, waits for the disk, or is done.
                await asyncio.sleep(0)
            meanwhile = renew(storage)
            await asyncio.sleep(0)
            writer.cancel()

            async with limit():
                await asyncio.gather(first, meanwhile, return_exceptions=True)
        await storage.close()


async def test_a_caller_that_is_cancelled_again_and_again_leaves_no_connection(path: Path) -> None:
    """anyio cancels a task until it has ended. No task that waits for ever is left, either."""
    url = f"sqlite:///{path}"
    async with in_use(url) as storage:
        await storage.close()
    others = asyncio.all_tasks()
    for steps in range(0, 60, 3):
        storage = SqlStorage.from_url(url)
        reading = asyncio.create_task(storage.session_state(TOKEN.subject, TOKEN.session_id, NOW))
        for _ in range(steps):  # It opens the file, sets the connection up, or reads.
            await asyncio.sleep(0)
        async with limit():
            while reading.cancel():
                await asyncio.sleep(0)
            while asyncio.all_tasks() - others:
                await asyncio.sleep(0.001)
        await storage.close()

    del storage, reading
    gc.collect()  # It warns of each open connection, and here a warning is an error.


SLOW = """
WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 3000000)
SELECT max(n) FROM numbers
"""
"""A statement that takes about a second."""


async def test_a_unit_that_is_cancelled_inside_a_statement_releases_the_file(path: Path) -> None:
    """At once, not when the garbage collector finds the statement."""
    async with in_use(f"sqlite:///{path}") as storage:
        has_begun = asyncio.Event()

        async def work() -> None:
            async with storage.begin() as tx:
                has_begun.set()
                await tx.connection.exec_driver_sql(SLOW)

        gc.disable()
        try:
            working = asyncio.create_task(work())
            await has_begun.wait()
            await asyncio.sleep(0.1)  # By then, the statement runs.
            working.cancel()
            with pytest.raises(asyncio.CancelledError):
                await working
            write(path, seconds=10)
        finally:
            gc.enable()
        await storage.close()


def test_a_storage_that_wrote_when_its_loop_ended_is_closed_in_another_loop(path: Path) -> None:
    storage = SqlStorage.from_url(f"sqlite:///{path}")

    async def leave() -> None:
        await storage.open(migrate=True)
        _ = renew(storage)
        for _ in range(3):  # By then one of them writes.
            await asyncio.sleep(0)

    asyncio.run(leave())
    asyncio.run(storage.close())

    write(path)


@pytest.mark.parametrize("database", ["sqlite", "postgres"], indirect=True)
async def test_connections_that_are_in_use_are_closed_when_their_use_ends(database: str) -> None:
    storage = SqlStorage.from_url(database)
    await storage.open(migrate=True)
    async with storage.begin() as tx, storage.reading() as look:
        await tx.users.get(TOKEN.subject)
        await look.users.get(TOKEN.subject)
        cancelled = asyncio.create_task(storage.session_state(TOKEN.subject, TOKEN.session_id, NOW))
        connecting = asyncio.create_task(storage.read_feed(None))
        await asyncio.sleep(0)
        cancelled.cancel()

        await storage.close()
    await asyncio.gather(cancelled, connecting, return_exceptions=True)

    del storage, tx, look, cancelled, connecting
    gc.collect()  # It warns of each open connection, and here a warning is an error.


async def test_a_storage_closes_when_its_server_has_just_died(
    server: PostgresServer,
) -> None:
    async with in_use(server.create_database()) as storage:
        server.kill()
        # At once, before the event loop sees that the connections are closed.
        await storage.close()


async def test_a_close_with_a_timeout_keeps_no_connection_to_a_frozen_server(
    server: PostgresServer,
) -> None:
    async with in_use(url := server.create_database(), Timeouts()) as storage:
        assert connections(url) > 0

        with server.frozen():
            await break_off(storage)

        async with limit():
            while connections(url):
                await asyncio.sleep(0.05)
