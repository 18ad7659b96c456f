"""Group `revocation`: time from a log-out at one worker until the others know (target 5).

There are four servers with one worker each, so that each worker can be sent requests. During a
log-out at the first, the others get requests with the same access token, each one as soon as the
last is answered. The result is the time from the log-out's answer to the first refusal.
"""

import asyncio
import random
import tempfile
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack

from bench.app import POSTGRESQL_POLL_MS, SQLITE_POLL_MS
from bench.client import Connection
from bench.figures import P50, P99, BenchError, Row, Table, percentile
from bench.run import Run
from bench.server import Server, account, make_keys, serve
from bench.traffic import Traffic
from tests.valkey import valkey

TITLE = "revocation"
ON_POSTGRESQL = "PostgreSQL, notified by PostgreSQL"
BY_VALKEY = "PostgreSQL, notified by Valkey"
POLLING = f"PostgreSQL, polls every {POSTGRESQL_POLL_MS} ms"
ON_SQLITE = f"SQLite, polls every {SQLITE_POLL_MS} ms"
MAXIMUM, SAMPLES = "max ms", "log-outs x workers"

WORKERS = 4
LOG_OUTS_A_ROUND = 15
DEADLINE_SECONDS = 60


async def run(options: Run) -> list[Table]:
    """Measure with each database and each kind of wake-up."""
    log_outs = LOG_OUTS_A_ROUND * options.rounds
    databases = options.databases
    with valkey() as server:
        rows = [
            await measure(ON_POSTGRESQL, databases.postgresql(), "own", log_outs),
            await measure(BY_VALKEY, databases.postgresql(), server.url, log_outs),
            await measure(POLLING, databases.postgresql(), "none", log_outs),
            await measure(ON_SQLITE, databases.sqlite(), "own", log_outs),
        ]
    return [Table(title=TITLE, rows=rows)]


async def measure(name: str, url: str, wake_up: str, log_outs: int) -> Row:
    """Log out `log_outs` times on one database. `wake_up` is as in `bench.app`."""
    async with AsyncExitStack() as stack:
        keys = make_keys(stack.enter_context(tempfile.TemporaryDirectory()))
        servers = [
            await stack.enter_async_context(serve(url, keys=keys, wake_up=wake_up))
            for _ in range(WORKERS)
        ]
        connections = [
            await stack.enter_async_context(Connection(server.port)) for server in servers
        ]
        await servers[0].log_in(1)
        # For workers that are notified, the interval does not matter: the shorter one saves time.
        poll_ms = POSTGRESQL_POLL_MS if wake_up == "none" else SQLITE_POLL_MS
        lags = [await log_out_once(servers[0], connections, poll_ms / 1e3) for _ in range(log_outs)]
    return row(name, [each for lag in lags for each in lag])


def row(name: str, lags: Sequence[float]) -> Row:
    """Return a row of the seconds that all workers took in all log-outs."""
    milliseconds = [each * 1e3 for each in lags]
    return Row(
        name=name,
        figures={
            P50: [percentile(milliseconds, 0.5)],
            P99: [percentile(milliseconds, 0.99)],
            MAXIMUM: [max(milliseconds)],
            SAMPLES: [len(lags)],
        },
    )


async def log_out_once(
    first: Server, connections: Sequence[Connection], poll_seconds: float
) -> list[float]:
    """Log a new session out; return the seconds from the answer until each other worker refused.

    0 means that a worker refused the token before the answer.
    """
    answer = await first.client.post("/auth/login", json=account("reader", 0))
    token = answer.json()["access_token"]
    request = Traffic(path="/protected", tokens=[token]).request(token)
    for connection in connections:
        status, _ = await connection.ask(request)
        if status != 200:
            raise BenchError(f"a valid token was answered with {status}")
    # The last log-out may have caused a poll. This one comes at a random moment before the next.
    await asyncio.sleep(random.uniform(0, poll_seconds))
    asking = [asyncio.create_task(_first_refusal(each, request)) for each in connections[1:]]
    log_out = Traffic(path="/auth/logout", method="POST", tokens=[token]).request(token)
    status, _ = await connections[0].ask(log_out)
    answered = time.perf_counter()
    if status != 204:
        raise BenchError(f"a log-out was answered with {status}")
    if (await connections[0].ask(request))[0] != 401:
        raise BenchError("the worker of the log-out still accepts the token")
    return [max(0.0, refused - answered) for refused in await asyncio.gather(*asking)]


async def _first_refusal(connection: Connection, request: bytes) -> float:
    deadline = time.perf_counter() + DEADLINE_SECONDS
    while (now := time.perf_counter()) < deadline:
        status, _ = await connection.ask(request)
        if status == 401:
            return time.perf_counter()
        if status != 200:
            raise BenchError(f"a request was answered with {status}")
    raise BenchError(
        f"a worker did not know of a log-out after {now - deadline + DEADLINE_SECONDS:.0f} s"
    )
