"""The documents and their fenced blocks."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
HOW_TO = ROOT / "docs" / "how-to"
DOCUMENTS = [
    *ROOT.glob("*.md"),
    *(ROOT / "bench").glob("*.md"),
    *(ROOT / "docs").rglob("*.md"),
]


def blocks(document: Path, language: str) -> list[str]:
    """Return the fenced blocks of a language."""
    return re.findall(
        rf"^```{language}\n(.*?)^```", document.read_text(), flags=re.MULTILINE | re.DOTALL
    )


def after(diff: str) -> str:
    """Return the lines after a diff."""
    return "".join(f"{line[1:]}\n" for line in diff.splitlines() if line[:1] != "-")


def before(diff: str) -> str:
    """Return the lines before a diff."""
    return "".join(f"{line[1:]}\n" for line in diff.splitlines() if line[:1] != "+")
