import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
import redis
from sqlalchemy import NullPool, text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from tests.servers import PostgresServer, postgres
from tests.valkey import valkey
from tests.waiting import wait_until

ROOT = Path(__file__).parent.parent

# Starts a server, prints its folder, and waits to be killed.
STARTER = """
from tests.{module} import {server}
with {server}() as server:
    print(server._folder, flush=True)
    input()
"""
STARTERS = {
    "postgres": STARTER.format(module="servers", server="postgres"),
    "valkey": STARTER.format(module="valkey", server="valkey"),
}


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


async def test_a_server_that_stopped_in_immediate_mode_starts_again_with_its_data() -> None:
    with postgres(settings={"max_connections": "17"}) as server:
        url = server.create_database()
        await run(url, "CREATE TABLE kept ()")

        server.crash()
        server.start()

        assert await tables(url) == ["kept"]
        async with engine(url).connect() as connection:
            assert (await connection.execute(text("SHOW max_connections"))).scalar_one() == "17"


async def test_a_frozen_server_answers_once_it_has_thawed(
    postgres_server: PostgresServer, postgres_url: str
) -> None:
    async with await psycopg.AsyncConnection.connect(postgres_url) as connection:
        with postgres_server.frozen():
            answer = asyncio.create_task(connection.execute("SELECT 1"))
            done, _ = await asyncio.wait([answer], timeout=0.2)

        assert done == set()
        assert await (await answer).fetchone() == (1,)


@pytest.mark.parametrize("last_signal", [signal.SIGKILL, signal.SIGINT], ids=["kill", "ctrl-c"])
@pytest.mark.parametrize("kind", STARTERS)
def test_nothing_is_left_when_the_tests_end_early(kind: str, last_signal: signal.Signals) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", STARTERS[kind]],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as starter:
        assert starter.stdout is not None
        folder = Path(starter.stdout.readline().strip())
        pid_file = folder / ("data/postmaster.pid" if kind == "postgres" else "pid")
        server = int(pid_file.read_text().splitlines()[0])

        starter.send_signal(last_signal)

    wait_until(lambda: not folder.exists())
    wait_until(lambda: not Path(f"/proc/{server}/cwd").exists())


def test_a_killed_valkey_starts_again_at_its_place_and_has_forgotten_all() -> None:
    with valkey() as server, server.client() as client:
        client.set("a", "b")
        server.kill()
        with pytest.raises(redis.ConnectionError):
            client.get("a")

        server.start()

        assert client.get("a") is None


def test_a_valkey_refuses_clients_without_its_password() -> None:
    with (
        valkey() as server,
        redis.Redis(port=server.port) as stranger,
        pytest.raises(redis.AuthenticationError),
    ):
        stranger.get("a")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can switch users")
def test_a_server_started_by_root_does_not_run_as_root(postgres_server: PostgresServer) -> None:
    folder = Path(postgres_server.url("x").partition("?host=")[2])
    pid = (folder / "data" / "postmaster.pid").read_text().splitlines()[0]

    status = Path(f"/proc/{pid}/status").read_text()

    assert "Uid:\t65534\t65534\t65534\t65534" in status
    assert "Gid:\t65534\t65534\t65534\t65534" in status
