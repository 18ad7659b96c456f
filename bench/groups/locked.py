"""Renewals while another transaction has locked a session's row; part of the group `renewals`."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import psycopg

from bench.cases import Case, MakeTraffic, measure, row
from bench.client import Connection
from bench.figures import P99, TIMES, Table, ratios
from bench.run import Run
from bench.server import Server
from bench.traffic import Traffic

TITLE = "renewals on PostgreSQL beside a locked row"
FREE = "no row is locked"
HELD = "one row is locked, and a client presents its token again and again"


async def compare(options: Run, url: str, server: Server, renewals: MakeTraffic) -> Table:
    """Measure the renewals of other sessions without and with a locked row."""
    free, held = (Case(name=name, served_by=server, traffic=renewals) for name in (FREE, HELD))
    await measure([free], rounds=options.rounds, seconds=options.seconds)
    async with _one_locked(url, server):
        await measure([held], rounds=options.rounds, seconds=options.seconds)
    rows = [row(each, {}) for each in (free, held)]
    rows[1].figures[TIMES] = ratios(rows[1].figures[P99], rows[0].figures[P99])
    return Table(title=TITLE, rows=rows)


@asynccontextmanager
async def _one_locked(url: str, server: Server) -> AsyncIterator[None]:
    """Lock the row of a new session, and present its token for as long."""
    (pair,) = await server.log_in(1, "held")
    session_id = server.codec.decode_refresh(pair["refresh_token"]).session_id
    async with await psycopg.AsyncConnection.connect(url) as lock:
        query = "SELECT 1 FROM tokenpair_session WHERE id = %s FOR UPDATE"
        await lock.execute(query, [session_id])
        presenting = asyncio.create_task(_present(server, pair["refresh_token"]))
        try:
            yield
        finally:
            presenting.cancel()


async def _present(server: Server, token: str) -> None:
    request = Traffic(path="/auth/refresh_token", method="POST", tokens=[token]).request(token)
    async with Connection(server.port) as connection:
        while True:
            await connection.ask(request)
