"""How `./run lighthouse` judges a report."""

from typing import Any

import pytest

from tests.bookly.lighthouse import judge


def report(*, speed: float | None = 1, url: str = "http://a/api/v1/books?limit=24") -> Any:
    """Return what the command reads of a report."""
    audits: dict[str, Any] = {
        "network-requests": {"details": {"items": [{"url": url, "statusCode": 200}]}},
        "paint": {
            "title": "First Paint",
            "score": speed,
            "scoreDisplayMode": "numeric",
            "displayValue": "9 s",
        },
        "manual": {"title": "By hand", "score": None, "scoreDisplayMode": "manual"},
        "hint": {"title": "Without a weight", "score": 0, "scoreDisplayMode": "numeric"},
    }
    refs = [{"id": name, "weight": name != "hint"} for name in ("paint", "manual", "hint")]
    performance = {"title": "Performance", "score": speed, "auditRefs": refs}
    seo = {"title": "SEO", "score": 1, "auditRefs": []}
    return {"categories": {"performance": performance, "seo": seo}, "audits": audits}


@pytest.mark.parametrize(
    ("speed", "code", "said"),
    [
        (1, 0, "100  Performance\n100  SEO\n"),
        (0.95, 0, " 95  Performance\n     - First Paint 9 s\n100  SEO\n"),
        (0.94, 1, " 94  Performance\n     - First Paint 9 s\n100  SEO\n"),
        (None, 1, "  0  Performance\n     - First Paint 9 s\n100  SEO\n"),
    ],
    ids=["full", "enough", "not enough", "not measured"],
)
def test_each_category_needs_95_points(
    capsys: pytest.CaptureFixture[str], speed: float | None, code: int, said: str
) -> None:
    assert judge(report(speed=speed)) == code
    assert capsys.readouterr().out == said


def test_the_view_without_a_log_in_does_not_count(capsys: pytest.CaptureFixture[str]) -> None:
    assert judge(report(url="http://a/")) == 1
    assert "did not see the shelf" in capsys.readouterr().out
