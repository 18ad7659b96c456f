"""Valkey only wakes workers: without it, they learn of a log-out a little later."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from tests.faults.worker import FOR_EVER, Worker, working
from tests.valkey import valkey
from tests.waiting import limit
from tokenpair import Key, Keyring, TokenPair
from tokenpair.feed.valkey import ValkeyWakeUp
from tokenpair.testing import a_user, login_as

POLL = timedelta(milliseconds=50)
ENDED, OPEN = (401, "session_ended"), (200, "")
RUBBISH = {
    "http": b"HTTP/1.1 400 Bad Request\r\n\r\n",
    "noise": bytes(range(256)) * 4,
    "an-error": b"-ERR go away\r\n" * 20,
    "an-error-without-text": b"-\r\n" * 20,
    "other-types": b":1\r\n+OK\r\n$-1\r\n*-1\r\n_\r\n#t\r\n" * 5,
    "not-a-number": b"$many\r\n*few\r\n",
    "never-ending": b"$99999999999\r\n",
    "too-deep": b"*1\r\n" * 20_000,
    "no-message": b"*3\r\n$7\r\nmessage\r\n$-1\r\n$-1\r\n*1\r\n$9\r\nsubscribe\r\n*0\r\n" * 5,
    "nothing": b"",
}


@pytest.fixture(scope="module")
def keyring() -> Keyring:
    return Keyring([Key.generate()])


@asynccontextmanager
async def two_workers(
    database: Path, keyring: Keyring, valkey_url: str, poll: timedelta = POLL
) -> AsyncIterator[tuple[Worker, Worker]]:
    async with AsyncExitStack() as stack:
        url = f"sqlite:///{database}/test.db"
        one, other = [
            await stack.enter_async_context(
                working(url, keyring, wake_up=ValkeyWakeUp(valkey_url), poll=poll)
            )
            for _ in range(2)
        ]
        yield one, other


async def log_in(worker: Worker, number: int) -> list[TokenPair]:
    ada = await a_user(worker.auth)
    return [await login_as(worker.auth, ada) for _ in range(number)]


async def assert_a_log_out_is_known(here: Worker, there: Worker, pair: TokenPair) -> None:
    assert await there.says(pair.access_token) == OPEN

    await here.auth.log_out(pair.refresh_token)

    assert await here.says(pair.access_token) == ENDED
    async with limit():
        while (said := await there.says(pair.access_token)) != ENDED:
            assert said == OPEN
            await asyncio.sleep(0.01)


async def test_without_a_poll_it_wakes_the_others_also_after_a_restart(
    tmp_path: Path, keyring: Keyring
) -> None:
    with valkey() as server:
        async with two_workers(tmp_path, keyring, server.url, poll=FOR_EVER) as (here, there):
            pairs = await log_in(here, 3)
            await assert_a_log_out_is_known(here, there, pairs[0])
            with server.client() as client:
                client.flushall()
            await assert_a_log_out_is_known(here, there, pairs[1])
            server.kill()
            server.start()
            await assert_a_log_out_is_known(here, there, pairs[2])


async def test_while_it_is_away_only_time_is_lost(tmp_path: Path, keyring: Keyring) -> None:
    with valkey() as server:
        async with two_workers(tmp_path, keyring, server.url) as (here, there):
            pairs = await log_in(here, 2)
            server.kill()
            await assert_a_log_out_is_known(here, there, pairs[0])
            answer = await there.renew(pairs[1].refresh_token)

    assert answer.status_code == 200


@pytest.mark.parametrize("rubbish", RUBBISH.values(), ids=RUBBISH.keys())
async def test_a_valkey_that_sends_garbage_or_does_not_respond_only_delays(
    tmp_path: Path, keyring: Keyring, rubbish: bytes
) -> None:
    async with talking(rubbish) as port:
        url = f"valkey://127.0.0.1:{port}"
        async with two_workers(tmp_path, keyring, url) as (here, there):
            for pair in await log_in(here, 3):
                await assert_a_log_out_is_known(here, there, pair)
            tasks = [task for each in (here, there) for task in each.auth.feed._tasks]
            are_done = [task.done() for task in tasks]

    # No worker has given up: each reconnects when Valkey is back.
    assert are_done == [False] * 6


@asynccontextmanager
async def talking(rubbish: bytes) -> AsyncIterator[int]:
    """Send the same reply to each message."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # A worker that hangs up before it has read the reply resets the connection.
        with contextlib.suppress(ConnectionError):
            while await reader.read(65536):
                writer.write(rubbish)
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        port: int = server.sockets[0].getsockname()[1]
        yield port
