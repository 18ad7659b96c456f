"""The type of strings in requests, and the error with which a validator explains a refusal."""

from math import isfinite
from typing import Annotated

from pydantic import AfterValidator


class WrongValue(ValueError):
    """The error of a validator whose text is shown to the client: a rule, never the value.

    The text of any other error is not shown, such as "invalid literal for int(): 'hunter2'".
    """


def _unstorable_text(text: str) -> str | None:
    # Each would be a 500 later: UTF-8 cannot encode a lone surrogate, and PostgreSQL cannot store
    # a NUL.
    if "\0" in text:
        return "must not contain NUL"
    if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
        return "must not contain lone surrogates"
    return None


def unstorable(value: object) -> str | None:
    """Return why a JSON value cannot be stored, or None. All keys and values in it are checked."""
    level = [value]
    while level:
        inside: list[object] = []
        for each in level:
            match each:
                case str() if reason := _unstorable_text(each):
                    return reason
                case float() if not isfinite(each):
                    return "must be a finite number"
                case list():
                    inside += each
                case dict():
                    inside += each.keys()
                    inside += each.values()
        level = inside
    return None


def _storable(text: str) -> str:
    if reason := _unstorable_text(text):
        raise WrongValue(reason)
    return text


Text = Annotated[str, AfterValidator(_storable)]
"""A string without NUL and lone surrogates. Use it in place of `str` in request bodies."""
