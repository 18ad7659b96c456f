"""The documents, and what stands in their fenced blocks."""

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
    """Give the fenced blocks of a language."""
    return re.findall(
        rf"^```{language}\n(.*?)^```", document.read_text(), flags=re.MULTILINE | re.DOTALL
    )


def after(diff: str) -> str:
    """Give what a diff leads to."""
    return "".join(f"{line[1:]}\n" for line in diff.splitlines() if line[:1] != "-")


def before(diff: str) -> str:
    """Give what a diff starts from."""
    return "".join(f"{line[1:]}\n" for line in diff.splitlines() if line[:1] != "+")
