"""Addresses in the headers of mails."""

from email.errors import MessageError
from typing import TYPE_CHECKING

from tokenpair.core.accounts.email import EmailAddress
from tokenpair.errors import InvalidInput

if TYPE_CHECKING:
    from email.headerregistry import Address


def parse_sender(text: str) -> "Address":
    """Read `Bookly <no-reply@books.example.com>` or a plain address.

    Raises `ValueError` for more or less than one address, and for control characters.
    """
    # Imported here: they take long, and many processes send no mail.
    from email.errors import NonASCIILocalPartDefect  # noqa: PLC0415
    from email.headerregistry import Address  # noqa: PLC0415
    from email.policy import SMTP  # noqa: PLC0415

    if not text.isprintable():
        raise ValueError("must not contain control characters")
    try:
        # Not `email.utils.getaddresses`: as Debian 12 has patched it, it cannot read "a@[::1]".
        header = SMTP.header_factory("From", text)
        if not all(isinstance(each, NonASCIILocalPartDefect) for each in header.defects):
            raise ValueError("more than an address")  # noqa: TRY301  Replaced below.
        (found,) = header.addresses
        address = found.addr_spec
        # Not the strict rules of accounts: `bookly@localhost` and `@mail.internal` may send.
        return Address(
            found.display_name, addr_spec=address if address.isascii() else mailbox(address)
        )
    except (InvalidInput, MessageError, ValueError, IndexError):
        raise ValueError("must be one e-mail address, with a name or without") from None


def mailbox(address: str) -> str:
    """Return an address as SMTP needs it: as typed, with the domain in ASCII (IDNA).

    The part before the @ may contain letters beyond ASCII, which need a server with SMTPUTF8.
    Raises `InvalidInput` for a text that is not exactly one address.
    """
    domain = EmailAddress.parse(address).canonical.rpartition("@")[2]
    return f"{address.rpartition('@')[0]}@{domain}"
