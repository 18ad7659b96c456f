"""The URL of an SMTP server: `smtp://user:password@host:587`, or `smtps://…` for TLS at once.

`smtp+insecure://localhost:1025` is for a server on this machine that catches mails in development,
such as Mailpit.
"""

from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

_INSECURE = "smtp+insecure"
_PORTS = {"smtp": 587, "smtps": 465, _INSECURE: 25}
_THIS_MACHINE = {"localhost", "127.0.0.1", "::1"}


@dataclass(frozen=True, slots=True, kw_only=True)
class SmtpUrl:
    """An SMTP server, and who logs in to it.

    With `is_tls` the connection begins with TLS; otherwise STARTTLS is required, unless the server
    `is_insecure`.
    """

    host: str
    port: int
    is_tls: bool = False
    is_insecure: bool = False
    user: str | None = None
    password: str | None = field(default=None, repr=False)


def parse_smtp_url(text: str) -> SmtpUrl:
    """Read a URL; user and password are percent-encoded.

    Raises `ValueError` with a message that repeats no part of the URL.
    """
    if not text.isprintable() or " " in text:
        raise ValueError("must not contain spaces or control characters")
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise ValueError("is not a URL with a valid port") from None  # The cause quotes the port.
    if parts.scheme not in _PORTS or not host or port == 0:
        raise ValueError("must be smtp://user:password@host:port or smtps://…")
    if parts.path.strip("/") or parts.query or parts.fragment:
        raise ValueError(
            "must end after the host and the port; "
            "write the characters / ? # @ : % of a password as %2F %3F %23 %40 %3A %25"
        )
    if parts.scheme == _INSECURE and host not in _THIS_MACHINE:
        raise ValueError(f"must not be {_INSECURE}:// for a server on another machine")
    if (parts.username is None) != (parts.password is None):
        raise ValueError("must have a user and a password, or neither")
    return SmtpUrl(
        host=host,
        port=port or _PORTS[parts.scheme],
        is_tls=parts.scheme == "smtps",
        is_insecure=parts.scheme == _INSECURE,
        user=_decoded(parts.username),
        password=_decoded(parts.password),
    )


def _decoded(text: str | None) -> str | None:
    try:
        return None if text is None else unquote(text, errors="strict")
    except UnicodeDecodeError:
        raise ValueError("must be percent-encoded as UTF-8") from None  # The cause quotes it.
