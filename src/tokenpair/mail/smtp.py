"""Send mails to an SMTP server, over TLS with a verified certificate."""

import contextlib
import ssl
from importlib.util import find_spec
from typing import TYPE_CHECKING

from tokenpair.core.mail_address import parse_sender
from tokenpair.core.mail_delivery import SEND_SECONDS
from tokenpair.core.message import Message
from tokenpair.core.smtp_url import SmtpUrl
from tokenpair.errors import ConfigurationError, MailNotSent, MailRefused
from tokenpair.mail.mime import to_mime

if TYPE_CHECKING:
    from aiosmtplib import SMTP

CONNECT_SECONDS = 10.0
"""Longest wait for a connection, and for each answer until the server is ready, in seconds."""

_PERMANENT = range(500, 600)


class SmtpSender:
    """A `MailSender` for an SMTP server. Each mail has a connection of its own."""

    def __init__(
        self,
        url: SmtpUrl,
        *,
        tls: ssl.SSLContext | None = None,
        connect_seconds: float = CONNECT_SECONDS,
    ) -> None:
        """`tls` verifies the server's certificate; by default the system's authorities count.

        Raises `ConfigurationError` if the package `aiosmtplib` is missing.
        """
        if not find_spec("aiosmtplib"):
            raise ConfigurationError(
                "sending mails over SMTP needs a package: pip install 'tokenpair[smtp]'"
            )
        self._url = url
        self._tls = tls or ssl.create_default_context()
        self._connect_seconds = connect_seconds

    async def send(self, message: Message) -> None:
        """Raises `MailRefused`, and `MailNotSent` if another attempt may help."""
        # Imported here: `import tokenpair` must stay quick.
        import aiosmtplib  # noqa: PLC0415

        client = self._client(message)
        try:
            await client.connect()
            await _transmit(client, message)
        # The texts of the server and the errors may quote the address.
        except aiosmtplib.SMTPRecipientsRefused as exc:
            raise _refused("recipient", exc.recipients[0].code) from None
        except aiosmtplib.SMTPDataError as exc:
            raise _refused("message", exc.code) from None
        except aiosmtplib.SMTPResponseException as exc:
            # The greeting, the log-in or the sender: the mail itself may be fine.
            raise MailNotSent(f"the SMTP server answered {exc.code} ({_kind(exc)})") from None
        except (aiosmtplib.SMTPException, OSError) as exc:
            raise MailNotSent(f"the SMTP server cannot be used ({_kind(exc)})") from None
        finally:
            client.close()

    def _client(self, message: Message) -> "SMTP":
        from aiosmtplib import SMTP  # noqa: PLC0415

        url = self._url
        return SMTP(
            hostname=url.host,
            port=url.port,
            username=url.user,
            password=url.password,
            # Not the name of this machine, which would be looked up in the DNS.
            local_hostname=parse_sender(message.sender).domain,
            use_tls=url.is_tls,
            start_tls=not url.is_tls and not url.is_insecure,
            tls_context=self._tls,
            timeout=self._connect_seconds,
        )


async def _transmit(client: "SMTP", message: Message) -> None:
    if client.is_ehlo_or_helo_needed:
        await client.ehlo()
    is_eight_bit = client.supports_extension("8bitmime")
    options = ["BODY=8BITMIME"] if is_eight_bit else []
    sender = parse_sender(message.sender).addr_spec
    if not (message.recipient + sender).isascii():
        if not client.supports_extension("smtputf8"):
            raise MailRefused("the SMTP server cannot mail addresses with letters beyond ASCII")
        options.append("SMTPUTF8")
    mail = to_mime(message, is_eight_bit=is_eight_bit)
    # The answer to a whole mail may take long. If it is lost, the mail is sent again.
    await client.sendmail(
        sender,
        [message.recipient],
        mail.as_bytes(),
        mail_options=options,
        timeout=SEND_SECONDS,
    )
    _quit(client)


def _quit(client: "SMTP") -> None:
    """Tell the server that the connection ends, and do not wait for its answer.

    The server has taken the mail. If the caller gave up in a wait, the mail would be sent again.
    """
    from aiosmtplib import SMTPException  # noqa: PLC0415

    if client.protocol:
        with contextlib.suppress(SMTPException, OSError):
            client.protocol.write(b"QUIT\r\n")


def _refused(what: str, code: int) -> MailNotSent:
    kind = MailRefused if code in _PERMANENT else MailNotSent
    return kind(f"the SMTP server refused the {what} with {code}")


def _kind(exc: Exception) -> str:
    """Return what kind of error it is, without its text: "SMTPConnectError, gaierror"."""
    found = [exc, exc.__cause__] if exc.__cause__ else [exc]
    return ", ".join(_named(each) for each in found)


def _named(exc: BaseException) -> str:
    if isinstance(exc, ssl.SSLCertVerificationError):
        return f"certificate: {exc.verify_message}"
    return type(exc).__name__
