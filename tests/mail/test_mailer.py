"""The mails of an `Auth`: what it needs to open, and how soon they are printed and sent."""

import asyncio
import logging
import subprocess
import sys

import pytest

from tests.mail.office import Faulty, Office
from tests.waiting import eventually, limit
from tokenpair import Auth, Key, Keyring, MailOptions, MailPurpose
from tokenpair.core.mail import new_mail
from tokenpair.core.message import Message
from tokenpair.errors import ConfigurationError, MailRefused
from tokenpair.events import MailFailed
from tokenpair.ids import uuid7
from tokenpair.mail.loop import AT_ONCE, MAIL_SECONDS
from tokenpair.stores.memory import MemoryStorage
from tokenpair.testing import Inbox, a_user, make_auth, read_mail_token, read_mails


def an_auth(**options: object) -> Auth:
    return Auth(
        storage=MemoryStorage(),
        keyring=Keyring([Key.generate()]),
        issuer="https://auth.test",
        **options,  # type: ignore[arg-type]  # Each test passes those of `Auth`.
    )


async def invite(auth: Auth, address: str = "eve@example.com") -> None:
    """Queue a mail that needs no user."""
    mail = new_mail(MailPurpose.INVITATION, uuid7(), address, auth.clock(), uuid7())
    async with auth._parts.storage.begin() as tx:
        await tx.outbox.add(mail)


async def test_without_a_sender_it_does_not_open_and_says_what_to_set() -> None:
    auth = an_auth(mail_options=MailOptions())

    with pytest.raises(ConfigurationError) as caught:
        await auth.open()

    message = str(caught.value)
    assert "TOKENPAIR_SMTP_URL" in message
    assert "TOKENPAIR_MAIL=off" in message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("options", "is_on"),
    [
        ({"mail_options": MailOptions(is_on=False)}, False),
        ({"mail_options": MailOptions(sender=Inbox())}, True),
        ({"mail_options": MailOptions(), "development": True}, True),
        ({}, False),
    ],
    ids=["off", "a-sender", "development", "nothing-said"],
)
async def test_it_opens_with_a_sender_or_without_mail(
    options: dict[str, object], is_on: bool
) -> None:
    async with an_auth(**options) as auth:
        assert auth.sends_mail == is_on


async def test_links_need_a_base_url() -> None:
    auth = Auth(
        storage=MemoryStorage(),
        keyring=Keyring([Key.generate()]),
        issuer="bookly",
        mail_options=MailOptions(sender=Inbox()),
    )

    with pytest.raises(ConfigurationError, match="TOKENPAIR_LINK_BASE_URL"):
        await auth.open()


@pytest.mark.parametrize(
    "base",
    [
        "https://books.example.com/#/app",
        "https://books.example.com/#",
        "https://books.example.com/?next=1",
        "https://ada:canary7f3a@books.example.com",
        "https://books.example.com/a b",
        "https://books.example.com\r\n",
        "https://[::1",
        "https://:443",
    ],
    ids=["fragment", "hash", "query", "user", "space", "lines", "bracket", "host"],
)
async def test_a_base_url_of_links_that_would_break_them_stops_the_start(base: str) -> None:
    auth = an_auth(mail_options=MailOptions(sender=Inbox(), link_base_url=base))

    with pytest.raises(ConfigurationError, match="TOKENPAIR_LINK_BASE_URL") as caught:
        await auth.open()

    assert "canary7f3a" not in f"{caught.value} {caught.value.__cause__}"


async def test_a_mail_is_printed_within_two_seconds_in_development(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with an_auth(development=True) as auth:
        await invite(auth)
        await eventually(lambda: "invitation#token=" in caplog.text)

    assert MAIL_SECONDS <= 2  # The longest pause before the loop looks for mails.

    lines = caplog.text.splitlines()
    (link,) = [each for each in lines if "#token=" in each]
    assert link.startswith("https://auth.test/invitation#token=")
    assert len(link.partition("=")[2]) == 64
    assert caplog.records[-1].levelno >= logging.WARNING


async def test_a_new_mail_wakes_the_loop_of_its_worker() -> None:
    inbox = Inbox()
    office = Office(sender=inbox)
    waiting = asyncio.create_task(office.alarm.wait(3600))
    await asyncio.sleep(0)

    await office.queue(uuid7(), MailPurpose.INVITATION)

    async with limit():
        await waiting


async def test_more_mails_than_are_sent_at_once_wait_for_no_pause() -> None:
    """Each mail that is done makes the loop look again."""
    office = Office()
    for _ in range(AT_ONCE + 1):
        await office.queue(uuid7(), MailPurpose.INVITATION)

    await office.alarm.wait(3600)
    await office.mailer.look()
    async with limit():
        await office.alarm.wait(3600)
        await office.mailer.look()

    assert len(await office.deliver()) == AT_ONCE + 1


async def test_without_mail_nothing_is_delivered() -> None:
    inbox = Inbox()
    auth = make_auth(mail_options=MailOptions(is_on=False, sender=inbox))
    async with auth:
        await invite(auth)
        await auth._parts.mailer.look()
        await asyncio.sleep(0)

    assert inbox.messages == []


async def test_a_closed_auth_starts_no_delivery_and_an_opened_one_does_again() -> None:
    inbox = Inbox()
    auth = make_auth(mail_options=MailOptions(sender=inbox))
    async with auth:
        pass
    await invite(auth)

    await auth._parts.mailer.look()
    running = list(auth._parts.mailer.loop._running)
    async with auth:
        await eventually(lambda: len(inbox.messages) == 1)

    assert running == []


async def test_an_app_is_told_of_a_mail_that_was_given_up() -> None:
    auth = make_auth(mail_options=MailOptions(sender=Faulty(MailRefused("no such mailbox"))))
    told: list[MailFailed] = []

    @auth.after(MailFailed)
    async def tell(event: MailFailed) -> None:
        told.append(event)

    async with auth:
        await invite(auth)
        await eventually(lambda: len(told) == 1)

    assert (told[0].purpose, told[0].is_kept) == (MailPurpose.INVITATION, False)


async def test_closing_waits_for_a_mail_that_is_being_sent() -> None:
    started, inbox = asyncio.Event(), Inbox()

    class Slow(Inbox):
        async def send(self, message: object) -> None:
            started.set()
            for _ in range(10):
                await asyncio.sleep(0)
            inbox.messages.append(message)  # type: ignore[arg-type]  # A message.

    auth = make_auth(mail_options=MailOptions(sender=Slow()))
    async with auth:
        await invite(auth)
        async with limit():
            await started.wait()

    assert len(inbox.messages) == 1
    async with auth.storage.reading() as look:
        assert await look.outbox.due(auth.clock(), limit=1) == []


def test_importing_the_package_loads_no_library_of_mails() -> None:
    heavy = {"jinja2", "aiosmtplib", "email.headerregistry"}
    code = f"import sys, tokenpair; print({heavy} & {{*sys.modules}})"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout == "set()\n"


async def test_read_mails_returns_each_mail_once() -> None:
    auth = make_auth()
    await invite(auth)
    await invite(auth, "bob@example.com")

    first, second = await read_mails(auth), await read_mails(auth)

    assert {each.recipient for each in first} == {"eve@example.com", "bob@example.com"}
    assert second == []


class SlowForTheFirst(Inbox):
    """An inbox where mails that are sent beside the first one overtake it."""

    is_first = True

    async def send(self, message: Message) -> None:
        is_first, self.is_first = self.is_first, False
        if is_first:
            await asyncio.sleep(0.1)
        await super().send(message)


async def test_the_last_mail_of_an_address_has_the_link_that_is_valid() -> None:
    auth = make_auth(mail_options=MailOptions(sender=SlowForTheFirst()))
    ada = await a_user(auth)
    await auth.request_verification(ada.id)

    token = await read_mail_token(auth, MailPurpose.VERIFY_EMAIL)

    await auth.verify_email(token)
    assert (await auth.get_user(ada.id)).email_verified_at == auth.clock()


async def test_read_mails_needs_an_inbox() -> None:
    with pytest.raises(TypeError, match="Inbox"):
        await read_mails(an_auth(development=True))
