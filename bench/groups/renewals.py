"""Group `renewals`: the cost of a rotating renewal, and of its steps without storage (target 3)."""

from bench import steps
from bench.app import MEMORY
from bench.cases import CONNECTIONS, Case, always, measure, row
from bench.figures import Table
from bench.groups import locked
from bench.run import Run
from bench.server import Server, serve
from bench.traffic import Traffic

TITLE = "renewals"
BARE = "bare route"
ANSWERING = "an answer like a renewal's"
READING = "and reading a refresh token"
SIGNING = "and signing the next pair"
IN_MEMORY = "renewal in memory"
ON_SQLITE = "renewal on SQLite"
ON_POSTGRESQL = "renewal on PostgreSQL"
ALONE = "the same by one client"


async def run(options: Run) -> list[Table]:
    """Measure all three storages in the same rounds; then PostgreSQL beside a locked row."""
    postgresql = options.databases.postgresql()
    async with (
        serve(postgresql) as on_postgresql,
        serve(options.databases.sqlite()) as on_sqlite,
        serve(MEMORY) as in_memory,
    ):
        bare = Case(name=BARE, served_by=in_memory, traffic=always(Traffic(path="/bare")))
        renewal_in_memory = renewal_case(IN_MEMORY, in_memory)
        renewal_on_postgresql = renewal_case(ON_POSTGRESQL, on_postgresql)
        cases = [
            bare,
            step_case(ANSWERING, in_memory, steps.ANSWER),
            step_case(READING, in_memory, steps.READ),
            step_case(SIGNING, in_memory, steps.SIGN),
            renewal_in_memory,
            renewal_case(ON_SQLITE, on_sqlite),
            renewal_on_postgresql,
            renewal_case(ALONE, on_postgresql, connections=1),
        ]
        await measure(cases, rounds=options.rounds, seconds=options.seconds)
        beside = await locked.compare(
            options, postgresql, on_postgresql, renewal_on_postgresql.traffic
        )
    notes = {
        ON_SQLITE: "synchronous=FULL",
        IN_MEMORY: "no database: the limit of the endpoint",
        SIGNING: "the limit with any storage",
        ALONE: "one connection",
        ANSWERING: "the same header, and as long an answer",
    }
    against = {"bare": bare, "in memory": renewal_in_memory}
    rows = [row(case, against, note=notes.get(case.name, "")) for case in cases]
    return [Table(title=TITLE, rows=rows), beside]


def step_case(name: str, server: Server, path: str) -> Case:
    """Return a case that sends one token again and again to a step of a renewal."""
    token = server.codec.encode(steps.PRESENTED)
    return Case(
        name=name,
        served_by=server,
        traffic=always(Traffic(path=path, method="POST", tokens=[token])),
    )


def renewal_case(name: str, server: Server, *, connections: int = CONNECTIONS) -> Case:
    """Return a case that renews one session on each connection, each time with its last token."""

    async def chain() -> Traffic:
        # One more token: wrk requests one that it never sends.
        pairs = await server.log_in(connections + 1)
        tokens = [pair["refresh_token"] for pair in pairs]
        return Traffic(path="/auth/refresh_token", method="POST", tokens=tokens, is_chain=True)

    return Case(name=name, served_by=server, traffic=chain, connections=connections)
