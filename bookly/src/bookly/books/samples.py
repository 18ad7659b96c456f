"""The sample catalogue: real books, so that the shelf is not empty at the first start.

The date and the pages are those of the first edition, unless the title names another one.
"""

import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any
from uuid import UUID

NAME = "classics"
"""The name of this catalogue in the table of those that were offered."""

NO_OWNER = UUID(int=0)
"""The owner of sample books: no user, so only an admin can change one."""

_FILE = Path(__file__).with_name("samples.json")


def samples() -> Iterator[dict[str, Any]]:
    """Return the fields of the books, oldest first."""
    for fields in reversed(json.loads(_FILE.read_text(encoding="utf-8"))):
        yield fields | {"published_date": date.fromisoformat(fields["published_date"])}
