"""Moments in time as SQLite keeps them: text in UTC, as `tables.UtcDateTime` writes it."""

from datetime import UTC, datetime


def to_text(moment: datetime) -> str:
    """Return the text of a moment."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")


def to_moment(text: str) -> datetime:
    """Return the moment of a text that `to_text` has written."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)
