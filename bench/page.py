"""Write the results into bench/README.md, between two marks, and draw the chart next to it."""

from collections.abc import Sequence
from pathlib import Path

from bench import chart, report, targets
from bench.results import Results, described

README = Path(__file__).parent / "README.md"
CHART = Path(__file__).parent / "chart.svg"
BEGIN = "<!-- Drawn by ./run bench --draw RESULTS; what you write here is lost. -->"
END = "<!-- The end of what is drawn. -->"


def draw(results: Results, *, readme: Path = README, image: Path = CHART) -> list[Path]:
    """Write the page and the chart, and return their paths.

    Without results of the peers, the chart is not drawn. Raises `BenchError` for a run with errors,
    and then changes nothing.
    """
    results.require_result()
    readme.write_text(with_results(readme.read_text(), results))
    if not (drawn := chart.draw(results.tables)):
        return [readme]
    image.write_text(drawn)
    return [readme, image]


def with_results(page: str, results: Results) -> str:
    """Return the page with these results in place of its own."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return "\n\n".join([before + BEGIN, *_paragraphs(results), END + after])


def _paragraphs(results: Results) -> Sequence[str]:
    return [
        " ".join(described(results.machine, results.options)),
        report.verdicts_markdown(targets.judge(results.tables)),
        *(report.markdown(table) for table in results.tables),
    ]
