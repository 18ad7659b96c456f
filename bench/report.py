"""From what the rounds have seen to a table and a file."""

import json
import os
import platform
import statistics
import time
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from bench.cases import Case, Flood
from bench.load import GENERATOR

RESULTS = Path(__file__).parent / "results"
PACKAGES = ("fastapi", "starlette", "uvicorn", "uvloop", "sqlalchemy", "cryptography", "tokenpair")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of a table: ratios to the bare route of the same round, and the round's figures."""

    case: str
    rate_ratios: list[float]
    cpu_ratios: list[float]
    cpu_microseconds: list[float]
    p50_milliseconds: list[float]
    p99_milliseconds: list[float]
    errors: int


def rows(cases: list[Case]) -> list[Row]:
    """Compare every case with the first, round by round."""
    bare = cases[0]
    return [
        Row(
            case=case.name,
            rate_ratios=[
                (one.requests / one.seconds) / (other.requests / other.seconds)
                for one, other in zip(case.loads, bare.loads, strict=True)
            ],
            cpu_ratios=[one / other for one, other in zip(case.cpu, bare.cpu, strict=True)],
            cpu_microseconds=[each * 1e6 for each in case.cpu],
            p50_milliseconds=[load.p50 for load in case.loads],
            p99_milliseconds=[load.p99 for load in case.loads],
            errors=case.errors,
        )
        for case in cases
    ]


def table(title: str, lines: list[Row]) -> str:
    """Write a table for the terminal: medians, and from the least to the most in brackets."""
    head = f"{title:<46} {'x bare':>20} {'server CPU x bare':>22} {'CPU µs':>8} {'p99 ms':>8}"
    return "\n".join([head, *map(_line, lines)])


def _line(row: Row) -> str:
    errors = f"  {row.errors} ERRORS" if row.errors else ""
    return (
        f"  {row.case:<44} {_spread(row.rate_ratios):>20} {_spread(row.cpu_ratios):>22} "
        f"{statistics.median(row.cpu_microseconds):>8.0f} "
        f"{statistics.median(row.p99_milliseconds):>8.1f}{errors}"
    )


def _spread(values: list[float]) -> str:
    return f"{statistics.median(values):.2f} ({min(values):.2f} - {max(values):.2f})"


def flood_table(rounds: list[Flood]) -> str:
    """Write down what a flood of log-ins does."""
    ratios = [each.flooded.p99 / each.idle.p99 for each in rounds]
    log_ins = statistics.median(each.log_ins.requests / each.log_ins.seconds for each in rounds)
    memory = max(each.memory_mib for each in rounds)
    errors = sum(each.errors for each in rounds)
    return (
        f"flood of 32 log-ins at once ({log_ins:.0f} a second)\n"
        f"  p99 of an authenticated request, to its idle p99   {_spread(ratios)}\n"
        f"  memory of the server                               {memory:.0f} MiB"
        + (f"\n  {errors} ERRORS" if errors else "")
    )


def save(options: dict[str, Any], results: dict[str, Any]) -> Path:
    """Write everything down, as JSON."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{time.strftime('%Y-%m-%d-%H%M%S')}.json"
    content = {"machine": machine(), "options": options, "results": results}
    path.write_text(json.dumps(content, indent=2, default=_plain) + "\n")
    return path


def machine() -> dict[str, Any]:
    """Describe what it was measured on."""
    cpu = Path("/proc/cpuinfo").read_text().partition("model name")[2].partition("\n")[0]
    return {
        "cpu": cpu.strip("\t: "),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "load": GENERATOR,
        "packages": {name: version(name) for name in PACKAGES},
    }


def _plain(value: Any) -> Any:  # noqa: ANN401
    return asdict(value)
