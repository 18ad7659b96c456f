"""How to send mails: the page's code runs, and its template is one."""

from pathlib import Path

import pytest

from tests.docs.reading import HOW_TO, blocks
from tests.docs.test_how_to import executed
from tests.mail.office import Office
from tokenpair import MailOptions, MailPurpose
from tokenpair.ids import uuid7

PAGE = HOW_TO / "mail.md"


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


async def test_mails_are_handed_to_celery_in_ten_lines() -> None:
    page = executed(PAGE)
    queue, published = page["queue"], []
    queue.conf.task_always_eager = True
    page["send_mail"].run = lambda *values: published.append(values)
    auth, office = page["auth"], Office(options=MailOptions(sender=page["CelerySender"]()))
    await office.queue(uuid7(), MailPurpose.INVITATION)

    await office.mailer.loop.drain()

    ((recipient, subject, text, html),) = published
    assert (recipient, subject) == ("eve@example.com", "You are invited to auth.test")
    assert "/invitation#token=" in text
    assert "/invitation#token=" in html
    assert isinstance(auth._parts.mail_options.sender, page["CelerySender"])
    (code,) = blocks(PAGE, "python")
    assert len(code[code.index("@queue.task") :].strip().splitlines()) <= 10


async def test_the_template_of_the_page_is_one(tmp_path: Path) -> None:
    (tmp_path / "verify_email.txt").write_text(*blocks(PAGE, "jinja"))
    office = Office(options=MailOptions(templates=tmp_path))
    await office.queue(await office.a_user())

    (mail,) = await office.deliver()

    assert mail.subject == "Welcome to the shop"
    assert mail.link in mail.text.splitlines()
    assert "The link is valid for 24 hours." in mail.text
