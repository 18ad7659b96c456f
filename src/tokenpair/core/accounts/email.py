"""E-mail addresses: kept as typed, compared by a canonical form."""

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
    """An address as its owner typed it, and the form by which two addresses are the same.

    The canonical form has a local part in NFC whose ASCII letters are lower-case, and a lower-case
    IDNA domain. Letters beyond ASCII keep their case: `straße@` and `strasse@` are two mailboxes.
    Mail goes to `typed`, always: two addresses that merely look alike may have two owners.
    """

    typed: str
    canonical: str

    @classmethod
    def parse(cls, text: str, *, field: str = "email") -> Self:
        """Read an address. Raises `InvalidInput` for a text that is not exactly one address.

        "Bob <b@example.com>", spaces, control characters, quoted local parts, bracketed IP
        addresses and lone surrogates are all refused; nothing is trimmed.
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
        """Read the address of a new account: one that its readers can see whole.

        Raises `InvalidInput` for what `parse` refuses, and for characters that look blank. An
        account that has such an address from earlier can still log in.
        """
        address = cls.parse(text, field=field)
        if not all(_is_visible(character) for character in text):
            raise InvalidInput(FieldError(field, _INVALID))
        return address


def _is_visible(character: str) -> bool:
    """Tell whether a character is a letter, digit or mark that readers can see, or ASCII.

    The Hangul fillers, the blank Braille pattern, variation selectors, zero-width characters and
    controls of direction are not; neither are symbols and emoji.
    """
    if character.isascii():
        return True
    # Capitals and wide letters are not allowed in a domain name; what they stand for is.
    folded = unicodedata.normalize("NFKC", character).casefold()
    return all(
        each.isascii() or any(intranges_contain(ord(each), allowed) for allowed in _ALLOWED)
        for each in folded
    )
