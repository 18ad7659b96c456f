"""`./run bench`: the cost of requests and renewals, as ratios to a bare route in the same run.

In each round, every case runs once, in random order. Results are medians of the rounds, with their
spread. The most reliable figure is the server's CPU time per request: throughput also depends on
how many cores are free.
"""

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bench.results import Results

GROUPS = (
    "codec",
    "requests",
    "renewals",
    "growth",
    "revocation",
    "flood",
    "workers",
    "start",
)
PEERS = "peers"
A_MILLION = 1_000_000


def main() -> int:
    """Measure, print and save the results; or draw saved results."""
    options = _options()
    # --help does not need these, and they take a second to import.
    from bench.figures import BenchError  # noqa: PLC0415

    try:
        return draw(options.draw) if options.draw else measure(options)
    except BenchError as exc:
        print(f"bench: {exc}", file=sys.stderr)
        return 1


def draw(path: Path) -> int:
    """Write the page's tables and the chart from saved results. Raises `BenchError`."""
    from bench import page  # noqa: PLC0415
    from bench.results import Results  # noqa: PLC0415

    for drawn in page.draw(Results.load(path)):
        print(f"Drawn: {drawn.relative_to(Path.cwd())}")
    return 0


def measure(options: argparse.Namespace) -> int:
    """Measure the groups, print and save. Raises `BenchError` for a run with errors."""
    from bench import report, targets  # noqa: PLC0415
    from bench.load import GENERATOR  # noqa: PLC0415
    from bench.results import Results, machine  # noqa: PLC0415

    print(f"The load comes from {GENERATOR}.", flush=True)
    size = {"rounds": options.rounds, "seconds": options.seconds, "sessions": options.sessions}
    results = Results(machine=machine(), options=size, tables=[])
    measure_groups(options.only, size, results)
    print(f"\n{report.verdicts(targets.judge(results.tables))}")
    print(f"\nWritten to {results.save().relative_to(Path.cwd())}")
    results.require_result()
    return 0


def measure_groups(names: Sequence[str], size: dict[str, Any], results: "Results") -> None:
    """Measure one group after the other, and add to the results; continue after a failure.

    Each group has its own PostgreSQL, so that the clean-up of one does not disturb the next.
    """
    import uvloop  # noqa: PLC0415

    from bench import report  # noqa: PLC0415
    from bench.databases import Databases  # noqa: PLC0415
    from bench.figures import BenchError  # noqa: PLC0415
    from bench.run import Run  # noqa: PLC0415

    for name in names:
        group = import_module(f"bench.groups.{name}")
        try:
            with Databases() as databases:
                tables = uvloop.run(group.run(Run(**size, databases=databases)))
        except (BenchError, OSError) as exc:
            results.failed[name] = str(exc)
            print(f"\n{name} could not be measured: {exc}", file=sys.stderr, flush=True)
            continue
        results.tables.extend(tables)
        print("".join(f"\n{report.text(each)}\n" for each in tables), end="", flush=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="./run bench",
        description="Measure requests and renewals, as ratios to a bare route in the same run.",
    )
    parser.add_argument(
        "--only",
        nargs="+",
        metavar="GROUP",
        choices=[*GROUPS, PEERS],
        default=[],
        help=f"measure only these groups: {', '.join(GROUPS)}",
    )
    parser.add_argument(
        "--peers",
        action="store_true",
        help="also measure other libraries, which are installed first",
    )
    parser.add_argument("--rounds", type=int, default=9, help="number of runs of each case (9)")
    parser.add_argument("--seconds", type=float, default=2, help="duration of each run (2)")
    parser.add_argument(
        "--sessions", type=int, default=A_MILLION, help="number in the large databases (1,000,000)"
    )
    parser.add_argument(
        "--draw",
        type=Path,
        metavar="RESULTS",
        help="draw the page's tables and the chart from results",
    )
    options = parser.parse_args()
    if options.rounds < 1 or options.seconds <= 0 or options.sessions < 1:
        parser.error("--rounds, --sessions and --seconds must be positive")
    if options.draw:
        options.draw = options.draw.absolute()
    options.only = options.only or list(GROUPS)
    if options.peers and PEERS not in options.only:
        options.only.append(PEERS)
    return options


if __name__ == "__main__":
    sys.exit(main())
