"""The chart: a protected request and a renewal, of tokenpair and of peers, against a bare route."""

import statistics
from collections.abc import Sequence
from html import escape

from bench.figures import Row, Table, X, number
from bench.groups.peers import OURS, RENEWALS, REQUESTS

WIDTH = 860
LEFT, RIGHT = 250, 830
STEP, BAR = 28, 18

_COLUMN = f"{X}bare"
_STYLE = """\
    .sheet { fill: #ffffff; }
    text { fill: #1c2733; }
    .muted { fill: #5b6b7b; font-size: 13px; font-weight: 400; }
    .title { font-size: 17px; font-weight: 700; }
    .name { text-anchor: end; }
    .ours { font-weight: 700; }
    .inside { fill: #ffffff; text-anchor: end; }
    .bar { fill: #b4c0cc; }
    .bar.ours { fill: #0b6b3a; }
    .bare { stroke: #8a9aab; stroke-width: 1.5; stroke-dasharray: 4 4; }
    @media (prefers-color-scheme: dark) {
      .sheet { fill: #12181f; }
      text { fill: #e4ebf2; }
      .muted { fill: #9db0c2; }
      .inside { fill: #12181f; }
      .bar { fill: #4a5a6a; }
      .bar.ours { fill: #57d193; }
      .bare { stroke: #7d90a3; }
    }"""


def draw(tables: Sequence[Table]) -> str:
    """Return the chart as SVG, or an empty string if no peers were measured."""
    shown = [each for each in tables if each.title in {REQUESTS, RENEWALS}]
    if not shown:
        return ""
    y, parts = 36, []
    for table in shown:
        rows = [row for row in table.rows[1:] if row.figures.get(_COLUMN)]
        parts += _panel(table.title, sorted(rows, key=_ratio, reverse=True), y)
        y += 40 + STEP * len(rows) + 34
    height = y - 20
    return "\n".join([*_head(height), *parts, "</svg>", ""])


def _ratio(row: Row) -> float:
    return statistics.median(row.figures[_COLUMN])


def _head(height: int) -> list[str]:
    return [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}"'
        ' font-family="system-ui, sans-serif" font-size="15" role="img"'
        ' aria-labelledby="title desc">',
        '  <title id="title">Requests a second, compared with a bare FastAPI route</title>',
        '  <desc id="desc">Bars for a protected request and for a renewal, of tokenpair and of'
        " other libraries. The table in bench/README.md has the same figures.</desc>",
        f"  <style>\n{_STYLE}\n  </style>",
        f'  <rect class="sheet" width="{WIDTH}" height="{height}" rx="8"/>',
    ]


def _panel(title: str, rows: Sequence[Row], y: int) -> list[str]:
    """Draw one table. A bar of full length is the bare route."""
    top, bottom = y + 16, y + 22 + STEP * len(rows)
    scale = RIGHT - LEFT
    most = max(1.0, *map(_ratio, rows))
    bare = LEFT + scale / most
    return [
        "",
        f'  <text x="30" y="{y}" class="title">{escape(title.capitalize())}</text>',
        f'  <text x="{bare:.0f}" y="{y}" class="muted" text-anchor="end">a bare route = 1</text>',
        f'  <line x1="{bare:.0f}" y1="{top - 6}" x2="{bare:.0f}" y2="{bottom}" class="bare"/>',
        *(
            line
            for place, row in enumerate(rows)
            for line in _bar(row, top + STEP * place, scale / most)
        ),
    ]


def _bar(row: Row, y: int, scale: float) -> list[str]:
    ratio = _ratio(row)
    width = max(1.0, ratio * scale)
    ours = " ours" if row.name.startswith(OURS) else ""
    note = f' <tspan class="muted">{escape(row.note)}</tspan>' if row.note else ""
    # The line of the bare route is next to a long bar, so its figure is inside.
    is_long = width > 0.8 * (RIGHT - LEFT)
    x, place = (LEFT + width - 8, " inside") if is_long else (LEFT + width + 8, "")
    return [
        f'  <text x="{LEFT - 12}" y="{y + 14}" class="name{ours}">{escape(row.name)}</text>',
        f'  <rect x="{LEFT}" y="{y}" width="{width:.0f}" height="{BAR}" rx="2" class="bar{ours}"/>',
        f'  <text x="{x:.0f}" y="{y + 14}" class="value{ours}{place}">{number(ratio)}{note}</text>',
    ]
