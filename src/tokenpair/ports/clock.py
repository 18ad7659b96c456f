"""The time, as a port."""

from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """What time it is."""

    def __call__(self) -> datetime:
        """Give the present moment, aware of its time zone (UTC)."""
        ...
