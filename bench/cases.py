"""Cases that are measured under load, each next to the one it is compared with."""

import random
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import inf

from bench.figures import CPU, CPU_X, P50, P99, RATE, Row, X, ratios
from bench.load import send
from bench.processes import Process
from bench.traffic import Load, Traffic

CONNECTIONS = 32
FRESH_SECONDS = 100

MakeTraffic = Callable[[], Awaitable[Traffic]]


@dataclass(slots=True, kw_only=True)
class Case:
    """One measured case, and the results of its rounds.

    `traffic` is called in each round: a chain of renewals starts with new log-ins.
    """

    name: str
    served_by: Process
    traffic: MakeTraffic
    connections: int = CONNECTIONS
    loads: list[Load] = field(default_factory=list)
    early_errors: int = 0
    cpu: list[float] = field(default_factory=list)
    """CPU time of the server per request, in seconds, by round."""

    @property
    def errors(self) -> int:
        """Number of refused or lost requests in all rounds."""
        return self.early_errors + sum(load.errors for load in self.loads)

    @property
    def rates(self) -> list[float]:
        """Requests per second, by round."""
        return [load.requests / load.seconds for load in self.loads]


def always(traffic: Traffic) -> MakeTraffic:
    """Use the same traffic in every round."""

    async def same() -> Traffic:
        return traffic

    return same


def lasting(make: MakeTraffic) -> MakeTraffic:
    """Reuse traffic for a while: some access tokens are valid for only five minutes."""
    made_at, made = -inf, Traffic(path="/")

    async def same() -> Traffic:
        nonlocal made_at, made
        if time.monotonic() - made_at > FRESH_SECONDS:
            made_at, made = time.monotonic(), await make()
        return made

    return same


async def measure(cases: Sequence[Case], *, rounds: int, seconds: float) -> None:
    """In each round, run every case, in random order.

    A first round is for warming up; only its errors are kept.
    """
    for number in range(rounds + 1):
        for case in random.sample(cases, len(cases)):
            await _run(case, seconds)
            if not number:
                case.early_errors = case.errors
                case.loads, case.cpu = [], []


async def _run(case: Case, seconds: float) -> None:
    """Run a case for some seconds, and keep the results."""
    traffic = await case.traffic()
    before = case.served_by.cpu_seconds()
    load = await send(case.served_by.port, traffic, connections=case.connections, seconds=seconds)
    case.cpu.append((case.served_by.cpu_seconds() - before) / max(load.requests, 1))
    case.loads.append(load)


def row(case: Case, against: Mapping[str, Case], *, note: str = "") -> Row:
    """Return a row for a case, with its ratios to other cases by short name."""
    figures: dict[str, list[float]] = {}
    for name, other in against.items():
        figures[X + name] = ratios(case.rates, other.rates)
        figures[CPU_X + name] = ratios(case.cpu, other.cpu)
    return Row(
        name=case.name,
        figures={
            **figures,
            RATE: case.rates,
            CPU: [each * 1e6 for each in case.cpu],
            P50: [load.p50 for load in case.loads],
            P99: [load.p99 for load in case.loads],
        },
        errors=case.errors,
        note=note,
    )
