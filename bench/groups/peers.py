"""Group `peers`: other libraries next to tokenpair, in the same rounds.

Each server is one worker. The bench adds a route to each peer that returns tokens without a
password. The CPU of databases and of Valkey is not counted.
"""

import tempfile
from contextlib import AsyncExitStack

from bench.cases import CONNECTIONS, Case, lasting, measure, row
from bench.figures import BenchError, Row, Table
from bench.groups.renewals import renewal_case
from bench.groups.requests import warm_case
from bench.others import COURSE, PEERS, SIMPLEJWT, Running, started
from bench.run import Run
from bench.server import GUARDED, make_keys, serve
from bench.traffic import Traffic
from tests.valkey import valkey

REQUESTS = "a protected request"
RENEWALS = "a renewal"
BARE = "bare route"
OURS = "tokenpair"
ON_POSTGRESQL = f"{OURS}, PostgreSQL"
ON_SQLITE = f"{OURS}, SQLite"


async def run(options: Run) -> list[Table]:
    """Measure. If a peer cannot be installed or started, the table says why."""
    async with AsyncExitStack() as stack:
        keys = make_keys(stack.enter_context(tempfile.TemporaryDirectory()))
        url = options.databases.postgresql()
        server = await stack.enter_async_context(serve(url, keys=keys))
        guarded = await stack.enter_async_context(serve(url, keys=keys, factory=GUARDED))
        on_sqlite = await stack.enter_async_context(serve(options.databases.sqlite()))
        bare = warm_case(BARE, server, "/bare")
        requests = [
            bare,
            warm_case(f"{OURS}, dependency", server, "/protected"),
            warm_case(f"{OURS}, middleware", guarded, "/bare"),
        ]
        renewals = [
            bare,
            renewal_case(ON_POSTGRESQL, server),
            renewal_case(ON_SQLITE, on_sqlite),
        ]
        notes = {ON_POSTGRESQL: "rotation", ON_SQLITE: "rotation, synchronous=FULL"}
        absent = []
        valkey_url = stack.enter_context(valkey()).url.replace("valkey", "redis", 1)
        for peer in PEERS:
            database_url = options.databases.postgresql()
            try:
                running = await stack.enter_async_context(
                    started(peer, database_url=database_url, valkey_url=valkey_url)
                )
            except BenchError as exc:
                absent.append(Row(name=peer.name, note=f"not measured: {exc}"))
                continue
            requests += their_requests(running)
            renewals += their_renewals(running)
            notes[peer.name] = peer.note
        both = list({id(case): case for case in [*requests, *renewals]}.values())
        await measure(both, rounds=options.rounds, seconds=options.seconds)
    return [
        Table(title=REQUESTS, rows=[*(row(case, {"bare": bare}) for case in requests), *absent]),
        Table(title=RENEWALS, rows=[*renewal_rows(renewals, notes), *absent]),
    ]


def their_requests(running: Running) -> list[Case]:
    """Send requests to each protected route of a peer."""

    def ask(name: str, path: str, kind: str) -> Case:
        async def traffic() -> Traffic:
            return Traffic(path=path, tokens=await running.tokens(CONNECTIONS, kind))

        return Case(name=name, served_by=running.process, traffic=lasting(traffic))

    return [ask(name, *route) for name, route in running.peer.routes.items()]


def their_renewals(running: Running) -> list[Case]:
    """Renew at a peer, if it supports this."""
    if running.peer.renewal is None:
        return []

    async def traffic() -> Traffic:
        # One more token: wrk requests one that it never sends.
        return await running.renewals(CONNECTIONS + 1)

    return [Case(name=running.peer.name, served_by=running.process, traffic=traffic)]


def renewal_rows(cases: list[Case], notes: dict[str, str]) -> list[Row]:
    """Compare with the bare route, and tokenpair on PostgreSQL also with two of the peers."""
    named = {case.name: case for case in cases}
    rows = []
    for case in cases:
        others = {"bare": named[BARE]}
        if case.name == ON_POSTGRESQL:
            others |= {name: named[name] for name in (COURSE, SIMPLEJWT) if name in named}
        rows.append(row(case, others, note=notes.get(case.name, "")))
    return rows
