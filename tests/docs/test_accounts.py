"""The life of an account, followed exactly, with the links from the log or from an SMTP server."""

from email.message import EmailMessage
from pathlib import Path
from urllib.parse import quote

import pytest
from anyio.from_thread import start_blocking_portal

from tests.bookly.running import running_bookly
from tests.docs.reading import HOW_TO
from tests.docs.recorded import assert_prints_what_is_recorded
from tests.docs.shell import Shell
from tests.smtp import PASSWORD, USER, mail_server

PAGE = HOW_TO / "accounts.md"


class Inbox(list[EmailMessage]):
    """Writes the text of each mail to the file in which the page looks for links."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path

    def append(self, mail: EmailMessage) -> None:
        super().append(mail)
        with self.path.open("a") as file:
            file.write(text_of(mail))


def text_of(mail: EmailMessage) -> str:
    text = mail.get_body(("plain",))
    assert text
    return str(text.get_content()).replace("\r\n", "\n")  # As a mail client shows it.


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    return folder


@pytest.mark.long
def test_the_account_lives_as_the_page_says(tmp_path: Path, data: Path) -> None:
    with running_bookly(data, TOKENPAIR_LIMITS="on") as bookly:
        (tmp_path / "bookly.log").symlink_to(data / "log.txt")
        assert_prints_what_is_recorded(PAGE, Shell(tmp_path), bookly.url)


@pytest.mark.long
def test_it_lives_the_same_with_an_smtp_server(tmp_path: Path, data: Path) -> None:
    certificates = tmp_path / "certificates"
    certificates.mkdir()
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(mail_server(certificates)) as server,
    ):
        server.received = Inbox(tmp_path / "bookly.log")
        url = f"smtp://{USER}:{quote(PASSWORD, safe='')}@localhost:{server.port}"
        trusted = str(certificates / "ca.pem")

        with running_bookly(
            data,
            TOKENPAIR_LIMITS="on",
            TOKENPAIR_SMTP_URL=url,
            TOKENPAIR_MAIL_FROM="Bookly <no-reply@example.com>",
            SSL_CERT_FILE=trusted,
        ) as bookly:
            assert_prints_what_is_recorded(PAGE, Shell(tmp_path), bookly.url)

    linked = [mail["To"] for mail in server.received if "#token=" in text_of(mail)]
    assert linked == ["ada@example.com", "ada@example.com", "countess@example.com"]
    assert "#token=" not in (data / "log.txt").read_text()
