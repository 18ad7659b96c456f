"""Results of measurements: tables with rows of figures, each with its values by round."""

import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Self

# Columns that several groups use. The first two are followed by the name of the denominator.
X = "x "
CPU_X = "CPU x "
CPU = "CPU µs"
RATE = "a second"
P50 = "p50 ms"
P99 = "p99 ms"
MICROSECONDS = "µs"
MILLISECONDS = "ms"
MEMORY = "MiB"
TIMES = "x the row above"
VALUE = "value"


class BenchError(Exception):
    """A measurement was not possible."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One measured thing: for each column, the values of all rounds.

    `note` adds a remark, or the reason why it was not measured.
    """

    name: str
    figures: dict[str, list[float]] = field(default_factory=dict)
    errors: int = 0
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Rows that belong together."""

    title: str
    rows: list[Row]

    @property
    def columns(self) -> list[str]:
        """Return all columns of the rows, in order."""
        return list(dict.fromkeys(name for row in self.rows for name in row.figures))

    @property
    def errors(self) -> int:
        """Number of refused or lost requests."""
        return sum(row.errors for row in self.rows)

    def to_json(self) -> dict[str, Any]:
        """Return it for JSON, with five significant digits."""
        content = asdict(self)
        for row in content["rows"]:
            row["figures"] = {
                name: [float(f"{value:.5g}") for value in values]
                for name, values in row["figures"].items()
            }
        return content

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Self:
        """Read what `to_json` returns."""
        return cls(title=content["title"], rows=[Row(**row) for row in content["rows"]])


def figure(tables: Sequence[Table], title: str, row: str, column: str) -> list[float] | None:
    """Return the values of one cell, or None if it is empty."""
    for table in tables:
        for each in table.rows:
            if (table.title, each.name) == (title, row):
                return each.figures.get(column) or None
    return None


def ratios(ones: Sequence[float], others: Sequence[float]) -> list[float]:
    """Divide, round by round."""
    return [one / other for one, other in zip(ones, others, strict=True)]


def spread(values: Sequence[float]) -> str:
    """Return the median, with minimum and maximum in brackets."""
    median = number(statistics.median(values))
    if len(values) == 1:
        return median
    return f"{median} ({number(min(values))} - {number(max(values))})"


def number(value: float) -> str:
    """Format a number with about three digits."""
    if value == 0 or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value at a share of all, such as 0.99; `values` must not be empty."""
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]
