"""Group `renewals`: what a renewal costs that rotates (target 3)."""

from bench.app import MEMORY
from bench.cases import CONNECTIONS, Case, always, measure, row
from bench.figures import Table
from bench.load import Traffic
from bench.run import Run
from bench.server import Server, serve

TITLE = "renewals"
BARE = "bare route"
ON_POSTGRESQL = "renewal on PostgreSQL"
ON_SQLITE = "renewal on SQLite"
IN_MEMORY = "renewal in memory"
SIGNING = "signing a pair, and nothing else"


SIGN = Traffic(path="/sign", method="POST")


async def run(options: Run) -> list[Table]:
    """Measure all three storages in the same rounds."""
    async with (
        serve(options.databases.postgresql()) as on_postgresql,
        serve(options.databases.sqlite()) as on_sqlite,
        serve(MEMORY) as in_memory,
    ):
        bare = Case(name=BARE, served_by=in_memory, traffic=always(Traffic(path="/bare")))
        cases = [
            bare,
            renewal_case(ON_POSTGRESQL, on_postgresql),
            renewal_case(ON_SQLITE, on_sqlite),
            renewal_case(IN_MEMORY, in_memory),
            Case(name=SIGNING, served_by=in_memory, traffic=always(SIGN)),
        ]
        await measure(cases, rounds=options.rounds, seconds=options.seconds)
    notes = {
        ON_SQLITE: "synchronous=FULL",
        IN_MEMORY: "no database: the limit of the endpoint",
        SIGNING: "no renewal, no database: the limit of any",
    }
    return [
        Table(
            title=TITLE,
            rows=[row(case, {"bare": bare}, note=notes.get(case.name, "")) for case in cases],
        )
    ]


def renewal_case(name: str, server: Server) -> Case:
    """Renew 32 sessions at once, each with the refresh token of the answer before."""

    async def chain() -> Traffic:
        # One to spare: wrk asks for a request that it never sends.
        pairs = await server.log_in(CONNECTIONS + 1)
        tokens = [pair["refresh_token"] for pair in pairs]
        return Traffic(path="/auth/refresh_token", method="POST", tokens=tokens, is_chain=True)

    return Case(name=name, served_by=server, traffic=chain)
