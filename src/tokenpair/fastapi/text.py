"""The type of every string that comes in, and how a validator says what is wrong."""

from typing import Annotated

from pydantic import AfterValidator


class WrongValue(ValueError):
    """What a validator raises whose text may be told: a rule, never the value.

    The text of any other error is kept from the answer: "invalid literal for int(): 'hunter2'".
    """


def _storable(text: str) -> str:
    # Each would be a 500 further in: UTF-8 cannot write a lone surrogate, and PostgreSQL
    # cannot keep a NUL.
    if "\0" in text:
        raise WrongValue("must not contain NUL")
    if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
        raise WrongValue("must not contain lone surrogates")
    return text


Text = Annotated[str, AfterValidator(_storable)]
"""A string without NUL and lone surrogates. Use it in place of `str` in request bodies."""
