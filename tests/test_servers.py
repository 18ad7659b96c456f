import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import NullPool, text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from tests.servers import PostgresServer, postgres

ROOT = Path(__file__).parent.parent

# Starts a server, says where, and then waits to be killed.
STARTER = """
from tests.servers import postgres
with postgres() as server:
    print(server.url("postgres"), flush=True)
    input()
"""


def engine(url: str, driver: str = "psycopg") -> AsyncEngine:
    return create_async_engine(url.replace("://", f"+{driver}://", 1), poolclass=NullPool)


async def run(url: str, *statements: str) -> None:
    async with engine(url).begin() as connection:
        for statement in statements:
            await connection.execute(text(statement))


async def tables(url: str, driver: str = "psycopg") -> list[str]:
    question = text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    async with engine(url, driver).connect() as connection:
        return list((await connection.execute(question)).scalars())


def eventually(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 20
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.02)
    return condition()


@pytest.mark.parametrize("driver", ["psycopg", "asyncpg"])
async def test_both_drivers_take_the_url(postgres_url: str, driver: str) -> None:
    assert await tables(postgres_url, driver) == []


async def test_two_databases_are_apart(postgres_server: PostgresServer, postgres_url: str) -> None:
    other = postgres_server.create_database()

    await run(postgres_url, "CREATE TABLE here ()")

    assert await tables(postgres_url) == ["here"]
    assert await tables(other) == []
    postgres_server.drop_database(other)


async def test_a_killed_server_starts_again_with_its_data() -> None:
    with postgres() as server:
        url = server.create_database()
        await run(url, "CREATE TABLE kept ()")

        server.kill()
        server.start()

        assert await tables(url) == ["kept"]


async def test_a_crash_test_can_ask_for_fsync() -> None:
    with postgres(fsync=True) as server:
        async with engine(server.url("postgres")).connect() as connection:
            assert (await connection.execute(text("SHOW fsync"))).scalar_one() == "on"


@pytest.mark.parametrize("last_signal", [signal.SIGKILL, signal.SIGINT], ids=["kill", "ctrl-c"])
def test_nothing_is_left_when_the_tests_end_early(last_signal: signal.Signals) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", STARTER],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as starter:
        assert starter.stdout is not None
        folder = Path(starter.stdout.readline().strip().partition("?host=")[2])
        server = int((folder / "data" / "postmaster.pid").read_text().splitlines()[0])

        starter.send_signal(last_signal)

    assert eventually(lambda: not folder.exists())
    assert not Path(f"/proc/{server}/cwd").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_a_server_started_by_root_does_not_run_as_root(postgres_server: PostgresServer) -> None:
    folder = Path(postgres_server.url("x").partition("?host=")[2])
    pid = (folder / "data" / "postmaster.pid").read_text().splitlines()[0]

    status = Path(f"/proc/{pid}/status").read_text()

    assert "Uid:\t65534\t65534\t65534\t65534" in status
    assert "Gid:\t65534\t65534\t65534\t65534" in status
