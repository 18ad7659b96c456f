"""E-mail addresses: stored as typed, compared by a canonical form."""

import unicodedata
from dataclasses import dataclass
from string import ascii_lowercase, ascii_uppercase
from typing import Self

from email_validator import EmailNotValidError, validate_email
from idna.idnadata import codepoint_classes
from idna.intranges import intranges_contain

from tokenpair.errors import FieldError, InvalidInput

_LOWER = str.maketrans(ascii_uppercase, ascii_lowercase)
# What IDNA 2008 allows in a domain name, by itself or in some context (RFC 5892).
_ALLOWED = [codepoint_classes["PVALID"], codepoint_classes["CONTEXTO"]]

_INVALID = "is not a valid e-mail address"


@dataclass(frozen=True, slots=True)
class EmailAddress:
    """An address as its owner typed it, and the canonical form that addresses are compared by.

    The canonical form is in NFC, with lower-case ASCII letters and an IDNA domain. Letters beyond
    ASCII keep their case: `straße@` and `strasse@` are two mailboxes. Send mail to `typed` only:
    two addresses that look alike may have two owners.
    """

    typed: str
    canonical: str

    @classmethod
    def parse(cls, text: str, *, field: str = "email") -> Self:
        """Read an address. Raises `InvalidInput` for a text that is not exactly one address.

        It refuses "Bob <b@example.com>", spaces, control characters, quoted local parts, bracketed
        IP addresses and lone surrogates, and trims nothing.
        """
        try:
            address = validate_email(text, check_deliverability=False)
        except EmailNotValidError as exc:
            # The library's own message may quote the address; ours must not.
            raise InvalidInput(FieldError(field, _INVALID)) from exc
        local = unicodedata.normalize("NFC", address.local_part).translate(_LOWER)
        return cls(typed=text, canonical=f"{local}@{address.ascii_domain.lower()}")

    @classmethod
    def parse_new(cls, text: str, *, field: str = "email") -> Self:
        """Read the address of a new account. Every character of it must be visible.

        Raises `InvalidInput` for what `parse` refuses, and for characters that look blank. An
        older account with such an address can still log in.
        """
        address = cls.parse(text, field=field)
        if not all(_is_visible(character) for character in text):
            raise InvalidInput(FieldError(field, _INVALID))
        return address


def _is_visible(character: str) -> bool:
    """Tell whether a character is ASCII, or a visible letter, digit or mark.

    False for the Hangul fillers, the blank Braille pattern, variation selectors, zero-width
    characters and controls of direction, and also for symbols and emoji.
    """
    if character.isascii():
        return True
    # IDNA has no capitals and no wide letters, but allows the letters that they fold to.
    folded = unicodedata.normalize("NFKC", character).casefold()
    return all(
        each.isascii() or any(intranges_contain(ord(each), allowed) for allowed in _ALLOWED)
        for each in folded
    )
