"""Mails over SMTP: to a real server, with its faults."""

import asyncio
import dataclasses
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import UUID

import pytest

from tests.smtp import PASSWORD, USER, MailServer, mail_server, trusting
from tests.waiting import eventually, limit
from tokenpair.core.mail import MailPurpose
from tokenpair.core.message import Message
from tokenpair.core.smtp_url import parse_smtp_url
from tokenpair.errors import MailNotSent, MailRefused
from tokenpair.mail.smtp import SmtpSender

LINK = "https://books.example.com/verify#token=" + "a" * 64
QUIT = b"QUIT\r\n"
MESSAGE = Message(
    id=UUID(int=7),
    attempt=2,
    purpose=MailPurpose.VERIFY_EMAIL,
    sender="Bookly <no-reply@books.example.com>",
    recipient="ada@example.com",
    subject="Confirm your address",
    text=f"Welcome.\n\n{LINK}\n\n.A line with a dot\n",
    html=f'<p><a href="{LINK}">Confirm</a></p>\n',
    language="en",
)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("certificates")


@pytest.fixture
async def server(certificates: Path) -> AsyncIterator[MailServer]:
    async with mail_server(certificates) as found:
        yield found


def sender_to(
    server: MailServer, folder: Path, *, scheme: str = "smtp", login: str = "", **options: float
) -> SmtpSender:
    url = parse_smtp_url(f"{scheme}://{login}localhost:{server.port}")
    return SmtpSender(url, tls=trusting(folder), **options)


@pytest.fixture
def sender(server: MailServer, certificates: Path) -> SmtpSender:
    return sender_to(server, certificates)


async def test_a_mail_arrives_with_its_link_unbroken_in_the_raw_text(
    server: MailServer, sender: SmtpSender
) -> None:
    await sender.send(MESSAGE)

    (mail,) = server.received
    assert server.recipients == ["ada@example.com"]
    assert (mail["From"], mail["To"]) == (MESSAGE.sender, MESSAGE.recipient)
    assert mail["Subject"] == MESSAGE.subject
    assert mail["Message-ID"] == f"<{UUID(int=7).hex}.2@books.example.com>"
    assert mail["Auto-Submitted"] == "auto-generated"
    text, html = mail.iter_parts()
    assert text.get_content().replace("\r\n", "\n") == MESSAGE.text
    assert LINK in html.get_content()
    assert LINK.encode() in server.raw[0].splitlines()


async def test_a_translated_text_keeps_its_link_unbroken_too(
    server: MailServer, sender: SmtpSender
) -> None:
    text = f"Grüße aus Köln.\n\n{LINK}\n"

    await sender.send(dataclasses.replace(MESSAGE, text=text, subject="Grüße " + "ö" * 80))

    assert LINK.encode() in server.raw[0].splitlines()
    assert "Grüße aus Köln.".encode() in server.raw[0].splitlines()
    assert server.received[0]["Subject"] == "Grüße " + "ö" * 80


async def test_a_line_that_smtp_does_not_allow_is_encoded(
    server: MailServer, sender: SmtpSender
) -> None:
    await sender.send(dataclasses.replace(MESSAGE, text="x" * 2000 + "\n"))

    text = next(server.received[0].iter_parts())
    assert text.get_content().strip() == "x" * 2000


@pytest.mark.parametrize("scheme", ["smtp", "smtps"])
async def test_it_logs_in_over_tls(scheme: str, certificates: Path) -> None:
    login = f"{USER}:{quote(PASSWORD, safe='')}@"
    async with mail_server(certificates, tls=scheme == "smtps") as server:
        await sender_to(server, certificates, scheme=scheme, login=login).send(MESSAGE)

        assert len(server.received) == 1


async def test_a_wrong_password_is_worth_another_attempt_and_is_not_logged(
    server: MailServer, certificates: Path
) -> None:
    sender = sender_to(server, certificates, login=f"{USER}:canary7f3a@")

    with pytest.raises(MailNotSent, match="535") as caught:
        await sender.send(MESSAGE)

    assert not isinstance(caught.value, MailRefused)
    assert "canary7f3a" not in repr(caught.value) + repr(sender._url)


@pytest.mark.parametrize(
    ("code", "error"), [(550, MailRefused), (551, MailRefused), (450, MailNotSent)]
)
async def test_a_refused_recipient_is_final_if_the_server_says_so(
    server: MailServer, sender: SmtpSender, code: int, error: type[Exception]
) -> None:
    server.refusals["ada@example.com"] = f"{code} ada@example.com: no"

    with pytest.raises(MailNotSent, match=f"recipient with {code}") as caught:
        await sender.send(MESSAGE)

    assert type(caught.value) is error
    assert "ada@" not in str(caught.value)
    assert server.received == []


@pytest.mark.parametrize(("code", "error"), [(554, MailRefused), (451, MailNotSent)])
async def test_a_refused_mail_is_final_if_the_server_says_so(
    server: MailServer, sender: SmtpSender, code: int, error: type[Exception]
) -> None:
    server.answers.append(f"{code} no")

    with pytest.raises(MailNotSent, match=f"message with {code}") as caught:
        await sender.send(MESSAGE)

    assert type(caught.value) is error


async def test_a_connection_cut_half_way_is_worth_another_attempt(
    server: MailServer, sender: SmtpSender
) -> None:
    server.answers.append(None)

    with pytest.raises(MailNotSent) as caught:
        await sender.send(MESSAGE)

    assert type(caught.value) is MailNotSent


async def test_a_mail_that_was_taken_counts_as_sent_even_if_the_caller_gives_up_then(
    server: MailServer, sender: SmtpSender
) -> None:
    server.lingers = True
    sending = asyncio.create_task(sender.send(MESSAGE))
    await eventually(lambda: sending.done() or server.heard == QUIT)

    sending.cancel()
    async with limit():
        await asyncio.wait([sending])

    assert len(server.received) == 1
    assert not sending.cancelled()
    await sending


async def test_it_takes_leave_of_the_server(server: MailServer, sender: SmtpSender) -> None:
    await sender.send(MESSAGE)

    await eventually(lambda: server.heard == QUIT)


async def test_a_server_that_is_down_is_worth_another_attempt(
    server: MailServer,  # noqa: ARG001  Makes the certificates.
    certificates: Path,
) -> None:
    sender = SmtpSender(parse_smtp_url("smtp://localhost:1"), tls=trusting(certificates))

    with pytest.raises(MailNotSent, match="cannot be used") as caught:
        await sender.send(MESSAGE)

    assert type(caught.value) is MailNotSent


@pytest.mark.parametrize("login", ["", f"{USER}:{quote(PASSWORD, safe='')}@"], ids=["", "login"])
async def test_a_server_without_starttls_gets_neither_the_mail_nor_the_password(
    certificates: Path, login: str
) -> None:
    async with mail_server(certificates, starttls=False) as server:
        sender = sender_to(server, certificates, login=login)

        with pytest.raises(MailNotSent):
            await sender.send(MESSAGE)

        assert (server.received, server.logins) == ([], 0)


async def test_a_server_on_this_machine_may_do_without_tls(certificates: Path) -> None:
    async with mail_server(certificates, starttls=False) as server:
        await sender_to(server, certificates, scheme="smtp+insecure").send(MESSAGE)

        assert len(server.received) == 1


async def test_the_environment_names_the_authorities(
    server: MailServer, certificates: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificates / "ca.pem"))

    await SmtpSender(parse_smtp_url(f"smtp://localhost:{server.port}")).send(MESSAGE)

    assert len(server.received) == 1


@pytest.mark.parametrize("scheme", ["smtp", "smtps"])
@pytest.mark.parametrize("wrong", ["authority", "host"])
async def test_a_wrong_certificate_is_refused(scheme: str, wrong: str, certificates: Path) -> None:
    host = "127.0.0.1" if wrong == "host" else "localhost"
    trust = ssl.create_default_context() if wrong == "authority" else trusting(certificates)
    async with mail_server(certificates, tls=scheme == "smtps") as server:
        sender = SmtpSender(parse_smtp_url(f"{scheme}://{host}:{server.port}"), tls=trust)

        with pytest.raises(MailNotSent, match="certificate"):
            await sender.send(MESSAGE)

        assert server.received == []


async def test_a_domain_beyond_ascii_is_mailed_without_smtputf8(certificates: Path) -> None:
    async with mail_server(certificates, utf8=False) as server:
        sender = sender_to(server, certificates)

        await sender.send(dataclasses.replace(MESSAGE, recipient="ada@xn--bcher-kva.example"))

        assert server.recipients == ["ada@xn--bcher-kva.example"]


async def test_a_mailbox_beyond_ascii_needs_a_server_with_smtputf8(certificates: Path) -> None:
    message = dataclasses.replace(MESSAGE, recipient="jürgen@example.com")
    async with mail_server(certificates) as server:
        await sender_to(server, certificates).send(message)

        assert server.recipients == ["jürgen@example.com"]
    async with mail_server(certificates, utf8=False) as server:
        with pytest.raises(MailRefused):
            await sender_to(server, certificates).send(message)

        assert server.received == []


@pytest.mark.parametrize("field", ["subject", "sender", "recipient"])
@pytest.mark.parametrize("end", ["\r\n", "\n", "\r"], ids=repr)
async def test_no_header_is_injected(
    server: MailServer, sender: SmtpSender, field: str, end: str
) -> None:
    value: Any = f"{getattr(MESSAGE, field)}{end}Bcc: eve@example.com"

    with pytest.raises(ValueError) as caught:  # noqa: PT011  Which of them does not matter.
        await sender.send(dataclasses.replace(MESSAGE, **{field: value}))

    assert server.received == []
    assert "eve" not in str(caught.value)


async def test_a_server_that_hangs_is_left_when_the_caller_gives_up(
    server: MailServer, sender: SmtpSender
) -> None:
    server.hangs = asyncio.Event()
    sending = asyncio.create_task(sender.send(MESSAGE))
    async with limit():
        await server.arrived.wait()

    sending.cancel()
    async with limit():
        await asyncio.gather(sending, return_exceptions=True)

    assert sending.cancelled()
