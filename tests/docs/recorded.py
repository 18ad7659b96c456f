"""Terminal sessions as the documents show them."""

import re
from pathlib import Path

from tests.docs.reading import blocks
from tests.docs.shell import Shell

BASE = "http://127.0.0.1:8000"


def masked(printed: str) -> str:
    """Hide what differs from run to run: ids and times."""
    return re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}|\d{4}-\d\d-\d\dT[\d:.]+Z", "…", printed).strip()


def assert_prints_what_is_recorded(document: Path, shell: Shell, url: str) -> None:
    """Run the commands of a document's `console` blocks, and compare the output with theirs."""
    recorded = re.findall(
        r"^\$ (.+)\n((?:(?!\$ ).+\n)*)", "".join(blocks(document, "console")), flags=re.MULTILINE
    )
    # One shell for all, as a reader has. A mark after each command separates their output.
    script = "".join(f"{command}\necho; echo =====\n" for command, _ in recorded)

    printed = shell.run(script.replace(BASE, url)).split("=====\n")

    assert len(recorded) >= 10
    for (command, expected), actual in zip(recorded, printed, strict=False):
        assert masked(actual) == masked(expected), command
