"""What a renewal writes and sends, with many sessions; part of the group `growth`."""

import asyncio
import random
import sqlite3
import time
from contextlib import closing
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import psycopg

from bench.cases import CONNECTIONS
from bench.client import Connection
from bench.databases import database_cpu_seconds
from bench.figures import VALUE, BenchError, Row, Table
from bench.load import send_once
from bench.population import refresh_tokens
from bench.proxy import counted
from bench.server import Server, serve
from bench.traffic import Traffic

ROWS = "rows that it adds"
WAL = "WAL bytes, on pages written since the last checkpoint"
WAL_FIRST = "WAL bytes, on pages not written since the last checkpoint"
WAL_ALONE = "WAL bytes, one at a time"
WAL_TOGETHER = "WAL bytes, 32 at once"
HOT = "share of HOT updates"
DATABASE_CPU = "µs of the database's CPU"
SERVER_CPU = "µs of the server's CPU"
CLIENT_BYTES = "bytes between client and server"
DATABASE_BYTES = "bytes between server and database"
DISK = "bytes on disk of a session, with its indexes"

RENEWALS = 2_000
STATISTICS_SECONDS = 30
# First generation of the tokens of each round: ahead of those of `bench.groups.growth`, which has
# renewed the same sessions.
GENERATIONS = count(1_000_000_000, 1_000_000)


def title(database: str) -> str:
    """Return the title of one database's table."""
    return f"one renewal on {database}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A server with a large database, and the numbers of the sessions to renew."""

    url: str
    server: Server
    numbers: list[int]

    async def renew_each(self, *, connections: int = CONNECTIONS) -> None:
        """Renew each of the sessions once. Raises `BenchError`."""
        load = await send_once(self.server.port, self._traffic(), connections=connections)
        if load.errors:
            raise BenchError(f"{load.errors} of {load.requests} renewals failed")

    async def bytes_of_one(self) -> int:
        """Return the bytes of a renewal's request and answer."""
        traffic = self._traffic()
        request = traffic.request(traffic.tokens[0])
        async with Connection(self.server.port) as connection:
            await connection.ask(request)
            return len(request) + connection.received

    def _traffic(self) -> Traffic:
        tokens = refresh_tokens(self.server.codec, self.numbers, generation=next(GENERATIONS))
        return Traffic(path="/auth/refresh_token", method="POST", tokens=tokens)


async def measure(name: str, url: str, server: Server, sessions: int) -> Table:
    """Renew some of the many sessions, and return what one renewal wrote and sent."""
    numbers = random.sample(range(1, sessions + 1), min(RENEWALS, sessions))
    subject = Subject(url=url, server=server, numbers=numbers)
    on = _on_sqlite if url.startswith("sqlite") else _on_postgresql
    values = await on(subject)
    values[CLIENT_BYTES] = await subject.bytes_of_one()
    rows = [Row(name=each, figures={VALUE: [value]}) for each, value in values.items()]
    return Table(title=title(name), rows=rows)


async def _on_postgresql(subject: Subject) -> dict[str, float]:
    number = len(subject.numbers)
    async with await psycopg.AsyncConnection.connect(subject.url, autocommit=True) as connection:

        async def ask(query: str) -> float:
            row = await (await connection.execute(query.encode())).fetchone()
            return float(row[0]) if row else 0.0

        # Count before the checkpoint, because reading the table also cleans up its pages.
        rows = await ask(_COUNT)
        await connection.execute("CHECKPOINT")
        start = await ask(_LSN)
        await subject.renew_each()
        middle, updates, hot = await ask(_LSN), await ask(_UPDATES), await ask(_HOT)
        cpu = subject.server.cpu_seconds(), database_cpu_seconds(subject.url)
        await subject.renew_each()
        used = (
            subject.server.cpu_seconds() - cpu[0],
            database_cpu_seconds(subject.url) - cpu[1],
        )
        end = await ask(_LSN)
        # PostgreSQL's sessions report their statistics with a delay of some seconds.
        deadline = time.monotonic() + STATISTICS_SECONDS
        while await ask(_UPDATES) < updates + number and time.monotonic() < deadline:
            await asyncio.sleep(0.5)
        hot_share = (await ask(_HOT) - hot) / max(await ask(_UPDATES) - updates, 1)
        added, disk = await ask(_COUNT) - rows, await ask(_DISK)
    return {
        DISK: disk / rows,
        ROWS: added / number / 2,
        WAL: (end - middle) / number,
        WAL_FIRST: (middle - start) / number,
        HOT: hot_share,
        SERVER_CPU: used[0] / number * 1e6,
        DATABASE_CPU: used[1] / number * 1e6,
        DATABASE_BYTES: await _database_bytes(subject),
    }


_COUNT = "SELECT count(*) FROM tokenpair_session"
_DISK = "SELECT pg_total_relation_size('tokenpair_session')"
_LSN = "SELECT pg_current_wal_insert_lsn() - '0/0'"
_TABLE = "FROM pg_stat_user_tables WHERE relname = 'tokenpair_session'"
_UPDATES = f"SELECT n_tup_upd {_TABLE}"
_HOT = f"SELECT n_tup_hot_upd {_TABLE}"


async def _database_bytes(subject: Subject) -> float:
    """Return the bytes between server and database per renewal, as a proxy counts them."""
    async with (
        counted(subject.url) as proxy,
        serve(proxy.url, keys=subject.server.keys, wake_up="none") as server,
    ):
        through = Subject(url=proxy.url, server=server, numbers=subject.numbers)
        # The first renewals prepare the statement on every connection.
        await through.renew_each()
        before = proxy.passed
        await through.renew_each()
        return (proxy.passed - before) / len(subject.numbers)


async def _on_sqlite(subject: Subject) -> dict[str, float]:
    path = subject.url.removeprefix("sqlite:///")
    number = len(subject.numbers)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        # While this reader is open, the log can only grow.
        connection.execute("BEGIN")
        (rows,) = connection.execute(_COUNT).fetchone()
        start = _size(path)
        await subject.renew_each(connections=1)
        middle, cpu = _size(path), subject.server.cpu_seconds()
        await subject.renew_each()
        used, end = subject.server.cpu_seconds() - cpu, _size(path)
        connection.execute("ROLLBACK")
        (rows_after,) = connection.execute(_COUNT).fetchone()
    return {
        ROWS: (rows_after - rows) / number / 2,
        WAL_ALONE: (middle - start) / number,
        WAL_TOGETHER: (end - middle) / number,
        SERVER_CPU: used / number * 1e6,
    }


def _size(path: str) -> int:
    return Path(f"{path}-wal").stat().st_size
