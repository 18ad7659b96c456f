"""The kinds of values that several settings share."""

from datetime import timedelta
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from tokenpair.options import MAX_SPAN

PREFIX = "TOKENPAIR_"
"""The start of the name of each variable of `Settings`."""

TEN_YEARS = MAX_SPAN // timedelta(seconds=1)
"""Longest lifetime and window, in seconds."""


def _printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("must not contain control characters")
    return text


def _http_url(text: str) -> str:
    if " " in text:
        raise ValueError("must not contain spaces")
    parts = urlsplit(text)
    if parts.scheme not in {"http", "https"} or not parts.netloc:
        raise ValueError("must be an http or https URL")
    if parts.query or parts.fragment or "@" in parts.netloc:
        raise ValueError("must be a URL without user, query or fragment")
    return text.rstrip("/")


def whole_seconds(span: timedelta) -> int:
    """Return the default of a setting from the default that the library's own value has."""
    return span // timedelta(seconds=1)


Window = Annotated[int, Field(ge=0, le=TEN_YEARS)]
Lifetime = Annotated[int, Field(ge=1, le=TEN_YEARS)]
Url = Annotated[str, AfterValidator(_printable), AfterValidator(_http_url)]
Name = Annotated[str, Field(min_length=1, max_length=255), AfterValidator(_printable)]
