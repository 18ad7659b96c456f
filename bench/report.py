"""Tables as text, for the terminal and for a page."""

from collections.abc import Sequence

from bench.figures import Row, Table, spread
from bench.targets import Verdict


def text(table: Table) -> str:
    """Format a table for the terminal: medians, with minimum and maximum in brackets."""
    lines = [[table.title, *table.columns]]
    lines += [[f"  {row.name}", *_cells(table, row)] for row in table.rows]
    notes = ["", *(row.note for row in table.rows)]
    errors = ["", *(f"{row.errors} ERRORS" if row.errors else "" for row in table.rows)]
    return "\n".join(
        "  ".join(filter(None, [line, note, error]))
        for line, note, error in zip(_aligned(lines), notes, errors, strict=True)
    )


def markdown(table: Table) -> str:
    """Format a table for a page."""
    rows = [
        [f"{row.name} ({row.note})" if row.note else row.name, *_cells(table, row)]
        for row in table.rows
    ]
    return _markdown([table.title, *table.columns], rows)


def verdicts(seen: Sequence[Verdict]) -> str:
    """Format the targets for the terminal."""
    lines = [["the targets", "wanted", "measured", ""]]
    lines += [[f"  {each.target}", each.wanted, each.measured, each.word] for each in seen]
    return "\n".join(_aligned(lines))


def verdicts_markdown(seen: Sequence[Verdict]) -> str:
    """Format the targets for a page."""
    rows = [[each.target, each.wanted, each.measured, each.word] for each in seen]
    return _markdown(["target", "wanted", "measured", ""], rows)


def _cells(table: Table, row: Row) -> list[str]:
    return [spread(row.figures[name]) if row.figures.get(name) else "" for name in table.columns]


def _aligned(lines: Sequence[Sequence[str]]) -> list[str]:
    """Align the columns: the first to the left, the others to the right."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return [
        "  ".join(
            cell.rjust(width) if place else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    ]


def _markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---", *["--:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
