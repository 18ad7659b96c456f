"""What a measurement leaves behind: tables of rows of figures, each with all that was seen."""

import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Self

# The columns that more than one group has. A name follows the first two: of what it is a ratio to.
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
    """Something could not be measured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One thing that was measured: by column, what each round has seen.

    `note` is what there is to say besides, or why it has not been measured.
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
        """Give every column that a row has, in their order."""
        return list(dict.fromkeys(name for row in self.rows for name in row.figures))

    @property
    def errors(self) -> int:
        """How many requests were refused or lost."""
        return sum(row.errors for row in self.rows)

    def to_json(self) -> dict[str, Any]:
        """Give it as it is kept: of each figure the five digits that mean something."""
        content = asdict(self)
        for row in content["rows"]:
            row["figures"] = {
                name: [float(f"{value:.5g}") for value in values]
                for name, values in row["figures"].items()
            }
        return content

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Self:
        """Read what `to_json` gives."""
        return cls(title=content["title"], rows=[Row(**row) for row in content["rows"]])


def figure(tables: Sequence[Table], title: str, row: str, column: str) -> list[float] | None:
    """Give what was seen in one place, or None if nothing was."""
    for table in tables:
        for each in table.rows:
            if (table.title, each.name) == (title, row):
                return each.figures.get(column) or None
    return None


def ratios(ones: Sequence[float], others: Sequence[float]) -> list[float]:
    """Divide, round by round."""
    return [one / other for one, other in zip(ones, others, strict=True)]


def spread(values: Sequence[float]) -> str:
    """Write the median, and in brackets the least and the most."""
    median = number(statistics.median(values))
    if len(values) == 1:
        return median
    return f"{median} ({number(min(values))} - {number(max(values))})"


def number(value: float) -> str:
    """Write a number with about three digits."""
    if value == 0 or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def percentile(values: Sequence[float], share: float) -> float:
    """Give the value that a share of all does not pass; `values` must not be empty."""
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]
