"""The words that an attacker who knows a user tries first."""

import re
from collections.abc import Iterator, Mapping
from itertools import islice

from tokenpair.core.accounts.email import EmailAddress

_MAX_LENGTH = 100
"""Length of the longest text of a profile that is read, in characters: a longer one is prose."""

_MAX_TEXTS = 50
"""Number of a profile's texts that are read. More words make a password's check slow."""


def own_words(address: EmailAddress, profile: Mapping[str, object]) -> frozenset[str]:
    """Return the user's address and the texts of the profile, whole and in words."""
    texts = [address.typed, address.canonical, *islice(_texts(profile), _MAX_TEXTS)]
    return frozenset({*texts, *(word for text in texts for word in _words(text))} - {""})


def _words(text: str) -> list[str]:
    return re.split(r"[\W_]+", text)


def _texts(profile: Mapping[str, object]) -> Iterator[str]:
    """Return the short texts of a profile, also those in lists and objects."""
    values: list[object] = [profile]
    for value in values:  # The loop appends to the list.
        match value:
            case str() if len(value) <= _MAX_LENGTH:
                yield value
            case Mapping():
                values.extend(value.values())
            case list() | tuple() | set() | frozenset():
                values.extend(value)
