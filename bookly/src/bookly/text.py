"""Texts that a reader can see."""

import re
import unicodedata
from typing import Annotated

from pydantic import AfterValidator

from tokenpair.fastapi import Text, WrongValue

# Letters and symbols that are blank by definition, and unassigned code points that are ignored.
_BLANK = re.compile(r"[\u115f\u1160\u2065\u2800\u3164\uffa0\ufff0-\ufff8\U000e0000-\U000e0fff]")


def is_visible(text: str) -> bool:
    """Return whether any character has a shape of its own.

    Spaces, control and format characters have none; a combining mark needs a base. Letters that
    this Python's Unicode does not know yet count as visible.
    """
    return any(map(_has_shape, text))


def _has_shape(character: str) -> bool:
    category = unicodedata.category(character)
    is_shown = category not in {"Cc", "Cf"} and category[0] not in "MZ"
    return is_shown and not _BLANK.match(character)


def _require_visible(text: str) -> str:
    if not is_visible(text):
        raise WrongValue("should have at least 1 visible character")
    return text


Visible = AfterValidator(_require_visible)
"""Validator that refuses a text which shows nothing."""

Trimmed = Annotated[Text, AfterValidator(str.strip)]
"""A text without the blanks around it. Their removal comes before a check of the length."""
