"""Port of the clock."""

from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """The present time."""

    def __call__(self) -> datetime:
        """Return the present time as an aware `datetime` in UTC."""
        ...
