"""E-mail addresses: kept as typed, compared by a canonical form."""

import unicodedata
from dataclasses import dataclass
from typing import Self

from email_validator import EmailNotValidError, validate_email

from tokenpair.errors import FieldError, InvalidInput


@dataclass(frozen=True, slots=True)
class EmailAddress:
    """An address as its owner typed it, and the form by which two addresses are the same.

    The canonical form has a case-folded local part and a lower-case IDNA domain, both in NFC.
    Mail goes to `typed`, always: two addresses that merely look alike may have two owners.
    """

    typed: str
    canonical: str

    @classmethod
    def parse(cls, text: str, *, field: str = "email") -> Self:
        """Read an address. Raises `InvalidInput` for whatever is not exactly one address.

        "Bob <b@example.com>", spaces, control characters, quoted local parts, bracketed IP
        addresses and lone surrogates are all refused; nothing is trimmed.
        """
        try:
            address = validate_email(text, check_deliverability=False)
        except EmailNotValidError as exc:
            # The library's own message may quote the address; ours must not.
            raise InvalidInput(FieldError(field, "is not a valid e-mail address")) from exc
        local = unicodedata.normalize("NFC", address.local_part.casefold())
        return cls(typed=text, canonical=f"{local}@{address.ascii_domain.lower()}")
