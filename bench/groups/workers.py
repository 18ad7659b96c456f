"""Group `workers`: the cost of a request with four workers, next to one (target 7).

The bare route shows the part without tokenpair: each of four workers takes fewer requests at once.
"""

import tempfile

from bench.cases import measure, row
from bench.figures import Table
from bench.groups.requests import warm_case
from bench.run import Run
from bench.server import make_keys, serve

TITLE = "workers"
BARE = "bare route, one worker"
BARE_FOUR = "bare route, four workers"
ONE = "authenticated request, one worker"
FOUR = "authenticated request, four workers"
ONE_WORKER = "one worker"


async def run(options: Run) -> list[Table]:
    """Measure both servers in the same rounds, on one database."""
    url = options.databases.postgresql()
    with tempfile.TemporaryDirectory() as folder:
        keys = make_keys(folder)
        async with (
            serve(url, keys=keys) as one,
            serve(url, keys=keys, options=["--workers", "4"]) as four,
        ):
            # The users log in at one server; the tokens are valid at both.
            cases = [
                warm_case(BARE, one, "/bare"),
                warm_case(BARE_FOUR, four, "/bare", log_in_at=one),
                warm_case(ONE, one, "/protected"),
                warm_case(FOUR, four, "/protected", log_in_at=one),
            ]
            await measure(cases, rounds=options.rounds, seconds=options.seconds)
    pairs = zip(cases, [cases[0], cases[0], cases[2], cases[2]], strict=True)
    return [Table(title=TITLE, rows=[row(case, {ONE_WORKER: other}) for case, other in pairs])]
