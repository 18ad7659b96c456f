"""Group `growth`: the time of a renewal among many sessions, and in an old session (target 4)."""

import random
import time
from collections.abc import Awaitable, Callable
from itertools import count

from bench.cases import Case, measure, row
from bench.client import Connection
from bench.databases import POSTGRESQL, SQLITE
from bench.figures import P50, TIMES, BenchError, Row, Table, percentile, ratios
from bench.groups import writes
from bench.population import fill, refresh_tokens
from bench.run import Run
from bench.server import Server, serve
from bench.traffic import Traffic

FEW = "renewal, few sessions"
MANY = "renewal, many sessions"
EARLY = "a session's first renewals"
LATE = "the same of an old session"

FEW_SESSIONS = 1_000
MANY_RENEWALS = 10_000
TOKENS_A_ROUND = 20_000
# First generation of the tokens of each round. The steps are larger than the number of renewals of
# one session in a round, so a round's tokens are ahead of all rows.
GENERATIONS = count(1_000_000, 1_000_000)
RENEWALS_IN_A_ROW = 100


def title(database: str) -> str:
    """Return the title of one database's table."""
    return f"growth on {database}"


async def run(options: Run) -> list[Table]:
    """Measure on both databases."""
    tables = []
    for name, make in {
        POSTGRESQL: options.databases.postgresql,
        SQLITE: options.databases.sqlite,
    }.items():
        small, large = make(), make()
        async with serve(small) as few, serve(large) as many:
            fill(small, FEW_SESSIONS)
            fill(large, options.sessions)
            rows = await by_sessions(options, few, many)
            rows += await by_age(options, few)
            tables.append(Table(title=title(name), rows=rows))
            tables.append(await writes.measure(name, large, many, options.sessions))
    return tables


async def by_sessions(options: Run, few: Server, many: Server) -> list[Row]:
    """Renew random sessions, among few and among many."""
    sizes = {FEW: (few, FEW_SESSIONS), MANY: (many, options.sessions)}
    cases = [
        Case(name=name, served_by=server, traffic=random_renewals(server, sessions))
        for name, (server, sessions) in sizes.items()
    ]
    await measure(cases, rounds=options.rounds, seconds=options.seconds)
    few_p50 = [load.p50 for load in cases[0].loads]
    rows = []
    for case in cases:
        seen = row(case, {}, note=f"{sizes[case.name][1]:,} sessions")
        seen.figures[TIMES] = ratios(seen.figures[P50], few_p50)
        rows.append(seen)
    return rows


def random_renewals(server: Server, sessions: int) -> Callable[[], Awaitable[Traffic]]:
    """Return traffic that renews sessions in random order; each again only after all others."""

    async def chain() -> Traffic:
        numbers = random.sample(range(1, sessions + 1), min(sessions, TOKENS_A_ROUND))
        tokens = refresh_tokens(server.codec, numbers, generation=next(GENERATIONS))
        return renewals_of(tokens, is_chain=True)

    return chain


def renewals_of(tokens: list[str], *, is_chain: bool = False) -> Traffic:
    """Return traffic that renews with these tokens."""
    return Traffic(path="/auth/refresh_token", method="POST", tokens=tokens, is_chain=is_chain)


async def by_age(options: Run, server: Server) -> list[Row]:
    """Renew a new session and an old one in turns."""
    many = min(MANY_RENEWALS, options.sessions)
    (old,) = await server.log_in(1, "old")
    token, _ = await renew_in_a_row(server, old["refresh_token"], many)
    early: list[float] = []
    late: list[float] = []
    for number in range(options.rounds):
        (new,) = await server.log_in(1, f"new{number}-")
        turns = [(early, new["refresh_token"]), (late, token)]
        for seen, start in random.sample(turns, 2):
            last, latencies = await renew_in_a_row(server, start, RENEWALS_IN_A_ROW)
            seen.append(percentile(latencies, 0.5) * 1e3)
            token = last if seen is late else token
    return [
        Row(name=EARLY, figures={P50: early}, note=f"the first {RENEWALS_IN_A_ROW}"),
        Row(
            name=LATE,
            figures={P50: late, TIMES: ratios(late, early)},
            note=f"after {many:,} renewals",
        ),
    ]


async def renew_in_a_row(server: Server, token: str, times: int) -> tuple[str, list[float]]:
    """Renew one session `times` times; return its last token, and the seconds of each renewal."""
    latencies = []
    async with Connection(server.port) as connection:
        for _ in range(times):
            traffic = renewals_of([token])
            began = time.perf_counter()
            status, body = await connection.ask(traffic.request(token))
            latencies.append(time.perf_counter() - began)
            if status != 200:
                raise BenchError(f"a renewal was answered with {status}")
            token = traffic.next_token(body)
    return token, latencies
