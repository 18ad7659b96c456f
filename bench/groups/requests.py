"""Group `requests`: the cost of a request with an access token (targets 1 and 2)."""

import tempfile

from bench.cases import CONNECTIONS, Case, lasting, measure, row
from bench.figures import Row, Table
from bench.run import Run
from bench.server import GUARDED, Server, make_keys, serve
from bench.traffic import Traffic

TITLE = "requests"
BARE = "bare route"
NO_OP = "no-op dependency"
DEPENDENCY = "authenticated request, dependency"
MIDDLEWARE = "authenticated request, middleware"
COLD = "authenticated request, token not seen before"

# More than a server can answer in a second, so that no token is sent twice.
COLD_TOKENS_A_SECOND = 15_000


async def run(options: Run) -> list[Table]:
    """Measure all cases in the same rounds."""
    with tempfile.TemporaryDirectory() as folder:
        keys = make_keys(folder)
        async with (
            serve(options.databases.postgresql(), keys=keys) as server,
            serve(options.databases.postgresql(), keys=keys, factory=GUARDED) as guarded,
            serve(options.databases.sqlite(), keys=keys) as on_sqlite,
            serve(options.databases.postgresql(), keys=keys) as crowded,
        ):
            # All routes get the same request, so only its handling differs.
            cases = [
                warm_case(BARE, server, "/bare"),
                warm_case(NO_OP, server, "/no-op"),
                warm_case(DEPENDENCY, server, "/protected"),
                # Requests don't query the database, but the server polls it twenty times a second.
                warm_case(f"{DEPENDENCY}, on SQLite", on_sqlite, "/protected"),
                warm_case(MIDDLEWARE, guarded, "/bare"),
                # Its cache is full of tokens that are sent only once.
                warm_case(f"{DEPENDENCY}, among 10,000 known", crowded, "/protected"),
                cold_case(crowded, options.seconds),
            ]
            await measure(cases, rounds=options.rounds, seconds=options.seconds)
    return [Table(title=TITLE, rows=rows(cases))]


def warm_case(name: str, server: Server, path: str, *, log_in_at: Server | None = None) -> Case:
    """Send the same few tokens again and again."""

    async def traffic() -> Traffic:
        pairs = await (log_in_at or server).log_in(CONNECTIONS, "warm")
        return Traffic(path=path, tokens=[pair["access_token"] for pair in pairs])

    return Case(name=name, served_by=server, traffic=lasting(traffic))


def cold_case(server: Server, seconds: float) -> Case:
    """Send each token once."""

    async def traffic() -> Traffic:
        (pair,) = await server.log_in(1, "cold")
        number = int(COLD_TOKENS_A_SECOND * (seconds + 1))
        return Traffic(path="/protected", tokens=server.fresh_access_tokens(pair, number))

    return Case(name=COLD, served_by=server, traffic=traffic)


def rows(cases: list[Case]) -> list[Row]:
    """Compare every case with the bare route, and with the dependency that does nothing."""
    bare, no_op = cases[:2]
    return [row(case, {"bare": bare, "no-op": no_op}) for case in cases]
