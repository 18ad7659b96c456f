"""The kinds of values that several settings share."""

from datetime import timedelta
from typing import Annotated

from pydantic import AfterValidator, Field

from tokenpair.core.base_url import parse_base_url
from tokenpair.options import MAX_SPAN

PREFIX = "TOKENPAIR_"
"""The start of the name of each variable of `Settings`."""

TEN_YEARS = MAX_SPAN // timedelta(seconds=1)
"""Longest lifetime and window, in seconds."""


def _printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("must not contain control characters")
    return text


def whole_seconds(span: timedelta) -> int:
    """Return the default of a setting from the default that the library's own value has."""
    return span // timedelta(seconds=1)


Window = Annotated[int, Field(ge=0, le=TEN_YEARS)]
Lifetime = Annotated[int, Field(ge=1, le=TEN_YEARS)]
Url = Annotated[str, AfterValidator(parse_base_url)]
Name = Annotated[str, Field(min_length=1, max_length=255), AfterValidator(_printable)]
