"""`./run bench`: what requests and renewals cost, as ratios to a bare route in the same run.

One uvicorn worker with uvloop and httptools, 32 connections that stay open. In each round every
case runs once, in random order; shown are the median of the rounds and their spread. Trust the
server's CPU time per request: throughput also depends on how many cores are to spare.
"""

import argparse
import asyncio
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

GROUPS = ("requests", "renewals", "flood")


def main() -> int:
    """Measure, print, and write the results down."""
    options = _options()
    # Not needed for --help, and a second to load.
    from bench import cases, load, report  # noqa: PLC0415

    print(f"The load comes from {load.GENERATOR}.")
    results: dict[str, Any] = {}
    errors = 0
    times = {"rounds": options.rounds, "seconds": options.seconds}
    with database_urls() as urls:
        makers = {"requests": cases.request_cases, "renewals": cases.renewal_cases}
        for group in (each for each in makers if each in options.groups):
            # A request reads the session's row, a renewal writes it: the database matters to both.
            for database, url in urls.items():
                measured = asyncio.run(cases.compare(makers[group], url, **times))
                rows = report.rows(measured)
                print(f"\n{report.table(f'{group} on {database}', rows)}", flush=True)
                results[f"{group} on {database}"] = rows
                errors += sum(row.errors for row in rows)
        if "flood" in options.groups:
            rounds = asyncio.run(cases.flood(urls["SQLite"], **times))
            print(f"\n{report.flood_table(rounds)}", flush=True)
            results["flood"] = rounds
            errors += sum(each.errors for each in rounds)
    path = report.save(vars(options), results)
    print(f"\nWritten to {path.relative_to(Path.cwd())}")
    if errors:
        print(f"{errors} requests failed: a run with errors is not a result.", file=sys.stderr)
    return 1 if errors else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="./run bench",
        description="What requests and renewals cost, as ratios to a bare route in the same run.",
    )
    parser.add_argument(
        "groups", nargs="*", metavar="GROUP", help=f"what to measure: {', '.join(GROUPS)} (all)"
    )
    parser.add_argument("--rounds", type=int, default=9, help="how often each case runs (9)")
    parser.add_argument("--seconds", type=float, default=2, help="how long each time (2)")
    options = parser.parse_args()
    if unknown := set(options.groups) - set(GROUPS):
        parser.error(f"there is no group {min(unknown)!r}; there are {', '.join(GROUPS)}")
    if options.rounds < 1 or options.seconds <= 0:
        parser.error("there must be a round, and it must take some time")
    options.groups = options.groups or list(GROUPS)
    return options


@contextmanager
def database_urls() -> Iterator[dict[str, str]]:
    """Give each database's URL; PostgreSQL is started for the run, and writes to disk."""
    from tests.servers import postgres  # noqa: PLC0415

    with postgres(fsync=True) as server:
        yield {"SQLite": "sqlite:///{folder}/bench.db", "PostgreSQL": server.create_database()}


if __name__ == "__main__":
    sys.exit(main())
