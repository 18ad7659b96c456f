"""A real SMTP server for tests, with the faults that a mail meets."""

# ruff: noqa: ARG002  aiosmtpd's hooks have these arguments.

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from tests.tls import write_certificates

USER, PASSWORD = "bookly", "s:e/c@r#e%t"


@dataclass
class MailServer:
    """What a server has received, and how it answers.

    `refusals` are answers to RCPT by address, `answer` is the one to a whole mail; None cuts the
    connection. A server that `hangs` never answers a whole mail, and one that `lingers` no QUIT.
    `heard` is what a client sent last.
    """

    port: int = 0
    received: list[EmailMessage] = field(default_factory=list)
    raw: list[bytes] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)
    refusals: dict[str, str] = field(default_factory=dict)
    answers: list[str | None] = field(default_factory=list)
    hangs: asyncio.Event | None = None
    lingers: bool = False
    heard: bytes = b""
    connections: int = 0
    logins: int = 0
    arrived: asyncio.Event = field(default_factory=asyncio.Event)

    async def handle_RCPT(  # noqa: N802  aiosmtpd's name.
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if refusal := self.refusals.get(address):
            return refusal
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        self.arrived.set()
        if self.hangs:
            await self.hangs.wait()
        answer = self.answers.pop(0) if self.answers else "250 OK"
        if answer is None:
            assert server.transport
            server.transport.close()
            return "250 OK"
        if answer.startswith("250"):
            self.keep(envelope)
        return answer

    async def handle_QUIT(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        if self.lingers:
            await asyncio.Event().wait()  # Until the client closes the connection.
        return "221 Bye"

    def authenticate(
        self, server: SMTP, session: Session, envelope: Envelope, kind: str, data: Any
    ) -> AuthResult:
        self.logins += 1
        right = LoginPassword(USER.encode(), PASSWORD.encode())
        return AuthResult(success=data == right, handled=False)

    def keep(self, envelope: Envelope) -> None:
        content = envelope.original_content or b""
        self.raw.append(content)
        parsed: Any = message_from_bytes(content, policy=policy.default)
        self.received.append(parsed)
        self.recipients += envelope.rcpt_tos


class _Hearing(SMTP):
    """Keeps what was sent last: aiosmtpd drops a command that the end of a connection follows."""

    def data_received(self, data: bytes) -> None:
        self.event_handler.heard = data
        super().data_received(data)


@asynccontextmanager
async def mail_server(
    folder: Path, *, port: int = 0, starttls: bool = True, tls: bool = False, utf8: bool = True
) -> AsyncIterator[MailServer]:
    """Run a server for `localhost` on a free or the given port; `folder` gets its certificates."""
    require_certificates(folder)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(folder / "server.pem", folder / "server.key")
    loop = asyncio.get_running_loop()
    found = MailServer()

    def connect() -> SMTP:
        found.connections += 1
        return _Hearing(
            found,
            loop=loop,
            hostname="localhost",
            tls_context=context if starttls and not tls else None,
            require_starttls=starttls and not tls,
            enable_SMTPUTF8=utf8,
            authenticator=found.authenticate,
            auth_require_tls=not tls,  # aiosmtpd does not know that the connection began with TLS.
        )

    server = await loop.create_server(connect, "127.0.0.1", port, ssl=context if tls else None)
    found.port = server.sockets[0].getsockname()[1]
    try:
        yield found
    finally:
        if found.hangs:
            found.hangs.set()
        server.close()
        await server.wait_closed()


def trusting(folder: Path) -> ssl.SSLContext:
    """Return what trusts the certificate of a server with this folder, started or not."""
    require_certificates(folder)
    return ssl.create_default_context(cafile=str(folder / "ca.pem"))


def require_certificates(folder: Path) -> None:
    """Write the certificates, unless an earlier call has."""
    if not (folder / "ca.pem").exists():
        write_certificates(folder)
