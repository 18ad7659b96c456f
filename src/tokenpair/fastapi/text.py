"""The type of every string that comes in, and how a validator says what is wrong."""

from math import isfinite
from typing import Annotated

from pydantic import AfterValidator


class WrongValue(ValueError):
    """What a validator raises whose text may be told: a rule, never the value.

    The text of any other error is kept from the answer: "invalid literal for int(): 'hunter2'".
    """


def _unstorable_text(text: str) -> str | None:
    # Each would be a 500 further in: UTF-8 cannot write a lone surrogate, and PostgreSQL
    # cannot keep a NUL.
    if "\0" in text:
        return "must not contain NUL"
    if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
        return "must not contain lone surrogates"
    return None


def unstorable(value: object) -> str | None:
    """Return why a JSON value cannot be stored, or None. Every key and value in it counts."""
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
