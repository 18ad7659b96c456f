"""The targets for the measured figures, and whether they are met."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from bench.databases import POSTGRESQL, SQLITE
from bench.figures import (
    CPU_X,
    MEMORY,
    MICROSECONDS,
    MILLISECONDS,
    P99,
    TIMES,
    VALUE,
    Table,
    X,
    figure,
    number,
    spread,
)
from bench.groups import (
    codec,
    flood,
    growth,
    locked,
    peers,
    renewals,
    requests,
    revocation,
    start,
    workers,
    writes,
)
from bench.others import COURSE, SIMPLEJWT


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """The minimum or maximum for the median of one cell."""

    name: str
    table: str
    row: str
    column: str
    at_least: float | None = None
    at_most: float | None = None

    @property
    def wanted(self) -> str:
        """The bound as text, such as "≤ 100"."""
        if self.at_least is not None:
            return f"≥ {number(self.at_least)}"
        return f"≤ {number(self.at_most or 0)}"

    def is_met(self, median: float) -> bool:
        """Is the target met?"""
        if self.at_least is not None:
            return median >= self.at_least
        return median <= (self.at_most or 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """A target next to its measured figure."""

    target: str
    wanted: str
    measured: str
    is_met: bool

    @property
    def word(self) -> str:
        """Whether the target is met, as text."""
        return "met" if self.is_met else "MISSED"


def _at_least(bound: float, name: str, table: str, row: str, column: str) -> Target:
    return Target(name=name, table=table, row=row, column=column, at_least=bound)


def _at_most(bound: float, name: str, table: str, row: str, column: str) -> Target:
    return Target(name=name, table=table, row=row, column=column, at_most=bound)


def _speed(ratio: float, name: str, table: str, row: str, other: str) -> list[Target]:
    """Return two targets for a row against `other`: its throughput, and its CPU time."""
    return [
        _at_least(ratio, f"{name}, throughput", table, row, X + other),
        _at_most(1 / ratio, f"{name}, CPU", table, row, CPU_X + other),
    ]


def _growth(database: str) -> list[Target]:
    table, one = growth.title(database), writes.title(database)
    return [
        _at_most(1.2, f"4. Among many sessions / few, {database}", table, growth.MANY, TIMES),
        _at_most(1.05, f"4. 10,000th renewal / first, {database}", table, growth.LATE, TIMES),
        _at_most(0, f"4. Rows per renewal, {database}", one, writes.ROWS, VALUE),
    ]


def _beside_peer(ratio: float, peer: str) -> Target:
    name = f"3. On PostgreSQL / {peer}, throughput"
    return _at_least(ratio, name, peers.RENEWALS, peers.ON_POSTGRESQL, X + peer)


TARGETS = [
    *_speed(0.97, "1. Dependency / no-op", requests.TITLE, requests.DEPENDENCY, "no-op"),
    *_speed(0.92, "1. Middleware / bare", requests.TITLE, requests.MIDDLEWARE, "bare"),
    *_speed(0.36, "2. Token not seen before / bare", requests.TITLE, requests.COLD, "bare"),
    _at_least(0.9, "2. OpenSSL's / ours", codec.TITLE, codec.DECODE_ACCESS, codec.RAW_PART),
    *_speed(0.38, "3. On PostgreSQL / bare", renewals.TITLE, renewals.ON_POSTGRESQL, "bare"),
    _at_least(
        0.88,
        "3. On PostgreSQL / in memory, throughput",
        renewals.TITLE,
        renewals.ON_POSTGRESQL,
        f"{X}in memory",
    ),
    _at_most(
        100,
        "3. PostgreSQL's own CPU, µs",
        writes.title(POSTGRESQL),
        writes.DATABASE_CPU,
        VALUE,
    ),
    _at_most(50, "3. p99 beside a locked row, ms", locked.TITLE, locked.HELD, P99),
    *_speed(0.35, "3. On SQLite / bare", renewals.TITLE, renewals.ON_SQLITE, "bare"),
    _beside_peer(1.3, COURSE),
    _beside_peer(20, SIMPLEJWT),
    *_growth(POSTGRESQL),
    *_growth(SQLITE),
    _at_most(500, "4. WAL bytes per renewal", writes.title(POSTGRESQL), writes.WAL, VALUE),
    *(
        _at_most(100, f"5. Known elsewhere, p99 ms: {row}", revocation.TITLE, row, P99)
        for row in (revocation.ON_POSTGRESQL, revocation.BY_VALKEY)
    ),
    _at_most(1, "5. Cost per request, µs", codec.TITLE, codec.REVOCATIONS, MICROSECONDS),
    _at_most(3, "6. p99 among 32 log-ins / idle", flood.TITLE, flood.FLOODED, TIMES),
    _at_most(64, "6. MiB beyond a hash per core", flood.TITLE, flood.MEMORY_BEYOND, MEMORY),
    _at_most(
        1.1,
        "7. CPU per request, four workers / one",
        workers.TITLE,
        workers.FOUR,
        CPU_X + workers.ONE_WORKER,
    ),
    _at_most(100, "8. import tokenpair, ms", start.TITLE, start.TOKENPAIR, MILLISECONDS),
    _at_most(1500, "8. Bookly's first answer, ms", start.TITLE, start.FIRST_ANSWER, MILLISECONDS),
]


def judge(tables: Sequence[Table]) -> list[Verdict]:
    """Compare the results with the targets; targets without a result are left out."""
    return [
        Verdict(
            target=each.name,
            wanted=each.wanted,
            measured=spread(values),
            is_met=each.is_met(statistics.median(values)),
        )
        for each in TARGETS
        if (values := figure(tables, each.table, each.row, each.column))
    ]
