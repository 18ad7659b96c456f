"""A message in the form that SMTP transports."""

from email import policy
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import localtime

from tokenpair.core.message import Message

_MAX_LINE = 998
"""Longest line of a mail without its line break, in octets (RFC 5322 section 2.1.1)."""


def to_mime(message: Message, *, is_eight_bit: bool) -> EmailMessage:
    """Return the mail; `is_eight_bit` tells whether the server supports 8BITMIME.

    The text is not encoded if that is possible, so that its link stays on one line in the raw mail
    too. Raises `ValueError` for a header with a line break or a control character.
    """
    is_ascii = message.recipient.isascii()
    # With SMTPUTF8 all headers are UTF-8; otherwise a name or subject is encoded (RFC 2047).
    mail = EmailMessage(policy.SMTP if is_ascii else policy.SMTPUTF8)
    mail["From"] = message.sender
    local, _, domain = message.recipient.rpartition("@")
    mail["To"] = Address(username=local, domain=domain)
    mail["Subject"] = message.subject
    mail["Date"] = localtime()
    host = _sender_host(mail)
    # Another id in each attempt: a receiver that drops a second copy of a mail would drop the only
    # one with a valid link.
    mail["Message-ID"] = f"<{message.id.hex}.{message.attempt}@{host}>"
    mail["Auto-Submitted"] = "auto-generated"  # No holiday replies (RFC 3834).
    mail.set_content(message.text, cte=_encoding(message.text, is_eight_bit=is_eight_bit))
    if message.html is not None:
        mail.add_alternative(message.html, subtype="html", cte="quoted-printable")
    return mail


def _encoding(text: str, *, is_eight_bit: bool) -> str:
    if any(len(line) > _MAX_LINE for line in text.encode().splitlines()):
        return "quoted-printable"
    if text.isascii():
        return "7bit"
    return "8bit" if is_eight_bit else "quoted-printable"


def _sender_host(mail: EmailMessage) -> str:
    return str(mail["From"].addresses[0].domain)
