"""The delivery of mails: each once, in spite of everything that fails."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import TypedDict
from uuid import UUID, uuid4

import pytest

from tests.mail.office import Faulty, Office
from tests.storages import open_storage
from tests.waiting import eventually, limit
from tokenpair import MailOptions, MailPurpose, Message, User
from tokenpair.core.mail import OutboxMail
from tokenpair.core.mail_delivery import CLAIM
from tokenpair.core.mail_events import MailDeferred, MailFailed, MailFailure, MailSent
from tokenpair.errors import MailNotSent, MailRefused, Unavailable
from tokenpair.mail.make import MakeMessage
from tokenpair.ports import Storage
from tokenpair.stores.memory import MemoryStorage
from tokenpair.stores.memory.storage import MemoryUnitOfWork
from tokenpair.stores.sql import SqlStorage
from tokenpair.stores.sql.tables import outbox_table
from tokenpair.testing import FakeClock, Inbox

SECRET = "canary7f3a"
LINKS = {
    MailPurpose.VERIFY_EMAIL: "/verify#token=",
    MailPurpose.RESET_PASSWORD: "/reset#token=",
    MailPurpose.CHANGE_EMAIL: "/email/change#token=",
    MailPurpose.INVITATION: "/invitation#token=",
}


class Told(TypedDict):
    """Fields of each event."""

    user_id: UUID
    purpose: MailPurpose


def told(user: User) -> Told:
    return {"user_id": user.id, "purpose": MailPurpose.VERIFY_EMAIL}


class Slow(Inbox):
    """An inbox that keeps mails to `slow@example.com` waiting until `go_on`."""

    def __init__(self) -> None:
        super().__init__()
        self.waiting = 0
        self.go_on = asyncio.Event()

    async def send(self, message: Message) -> None:
        if message.recipient == "slow@example.com":
            self.waiting += 1
            await self.go_on.wait()
        await super().send(message)


class Away(MemoryStorage):
    """A storage that cannot be written while it `is_away`."""

    is_away = False

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[MemoryUnitOfWork]:
        if self.is_away:
            raise Unavailable("cut off")
        async with super().begin() as tx:
            yield tx


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture(params=["memory", "sqlite", pytest.param("postgres", marks=pytest.mark.long)])
async def storage(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Storage]:
    async with open_storage(request, tmp_path) as storage:
        yield storage


async def test_a_mail_is_sent_once_and_leaves_the_outbox(
    storage: Storage, clock: FakeClock
) -> None:
    office = Office(storage=storage, clock=clock)
    ada = await office.a_user()
    await office.queue(ada)

    (mail,) = await office.deliver()
    clock.advance(days=2)

    assert (mail.recipient, mail.user, mail.attempt) == ("ada@example.com", ada, 1)
    assert office.events == [MailSent(user_id=ada.id, purpose=MailPurpose.VERIFY_EMAIL)]
    assert await office.waiting() == 0
    assert await office.deliver() == []


@pytest.mark.parametrize("purpose", MailPurpose, ids=lambda purpose: purpose.value)
async def test_the_text_has_its_link_on_a_line_of_its_own(purpose: MailPurpose) -> None:
    office = Office()
    invited = purpose is MailPurpose.INVITATION
    await office.queue(uuid4() if invited else await office.a_user(), purpose)

    (mail,) = await office.deliver()

    assert mail.html is not None
    if path := LINKS.get(purpose):
        assert mail.link is not None
        assert mail.link.startswith(f"https://auth.test{path}")
        assert mail.text.splitlines().count(mail.link) == 1
        assert f'href="{mail.link}"' in mail.html
    else:
        assert mail.link is None
        assert "http" not in mail.text


async def test_a_domain_beyond_ascii_is_mailed_in_its_ascii_form() -> None:
    office = Office()
    await office.queue(await office.a_user(email="Ada@Bücher.de"))

    (mail,) = await office.deliver()

    assert mail.recipient == "Ada@xn--bcher-kva.de"


async def test_links_lead_to_the_configured_base_url() -> None:
    office = Office(options=MailOptions(link_base_url="https://books.example.com/app/"))
    await office.queue(await office.a_user())

    (mail,) = await office.deliver()

    assert mail.link is not None
    assert mail.link.startswith("https://books.example.com/app/verify#token=")


async def test_no_row_holds_a_link_or_a_token() -> None:
    storage = MemoryStorage()
    office = Office(storage=storage)
    await office.queue(await office.a_user())
    before = repr(storage._tables)

    (mail,) = await office.deliver()

    assert mail.link is not None
    token = mail.link.partition("=")[2]
    for rows in (before, repr(storage._tables)):
        assert "http" not in rows
        assert token not in rows


@pytest.mark.parametrize(
    "purpose",
    [MailPurpose.RESET_PASSWORD, MailPurpose.CHANGE_EMAIL, MailPurpose.PASSWORD_CHANGED],
    ids=lambda purpose: purpose.value,
)
async def test_a_mail_of_no_user_is_dropped(storage: Storage, purpose: MailPurpose) -> None:
    office = Office(storage=storage)
    await office.queue(uuid4(), purpose)

    assert await office.deliver() == []
    assert await office.waiting() == 0
    assert office.events == []


async def test_an_invitation_needs_no_user() -> None:
    office = Office()
    await office.queue(uuid4(), MailPurpose.INVITATION, data={"roles": ["editor"]})

    (mail,) = await office.deliver()

    assert (mail.recipient, mail.user, mail.data) == (
        "eve@example.com",
        None,
        {"roles": ["editor"]},
    )


async def test_an_invitation_to_an_address_with_an_account_is_dropped() -> None:
    office = Office()
    await office.a_user(email="Eve@example.com")
    await office.queue(uuid4(), MailPurpose.INVITATION)

    assert await office.deliver() == []
    assert await office.waiting() == 0


async def test_no_link_goes_to_an_address_that_is_no_longer_the_users() -> None:
    office = Office()
    ada = await office.a_user()
    for purpose in (MailPurpose.VERIFY_EMAIL, MailPurpose.RESET_PASSWORD):
        await office.queue(ada, purpose, address="old@example.com")
    await office.queue(ada, MailPurpose.ADDRESS_CHANGED, address="old@example.com")

    (mail,) = await office.deliver()

    assert (mail.purpose, mail.recipient) == (MailPurpose.ADDRESS_CHANGED, "old@example.com")


async def test_no_link_goes_where_it_is_of_no_use(clock: FakeClock) -> None:
    office = Office(clock=clock)
    verified = await office.a_user(email_verified_at=clock())
    disabled = await office.a_user(email="eve@example.com", disabled_at=clock())
    await office.queue(verified, MailPurpose.VERIFY_EMAIL)
    await office.queue(disabled, MailPurpose.RESET_PASSWORD)

    assert await office.deliver() == []
    assert await office.waiting() == 0


async def test_a_server_that_is_down_is_tried_with_growing_delays_for_a_day(
    clock: FakeClock,
) -> None:
    inbox = Faulty(*[MailNotSent("down")] * 1000)
    office = Office(clock=clock, sender=inbox)
    ada = await office.a_user()
    began = clock()
    tried: list[timedelta] = []
    await office.queue(ada)

    while await office.waiting():
        await office.deliver()
        if len(inbox.tried) > len(tried):
            tried.append(clock() - began)
        clock.advance(seconds=10)

    delays = [later - earlier for earlier, later in pairwise(tried)]
    assert delays[:4] == [timedelta(seconds=each) for each in (10, 20, 40, 80)]
    assert max(delays) == timedelta(hours=1)
    assert tried[-1] == timedelta(days=1)
    *deferred, failed = office.events
    assert set(deferred) == {MailDeferred(**told(ada), reason=MailFailure.UNREACHABLE)}
    assert len(deferred) == len(delays)
    assert failed == MailFailed(**told(ada), reason=MailFailure.UNREACHABLE, is_kept=False)


async def test_each_attempt_has_a_new_link(clock: FakeClock) -> None:
    inbox = Faulty(MailNotSent("down"))
    office = Office(clock=clock, sender=inbox)
    await office.queue(await office.a_user())

    await office.deliver()
    clock.advance(seconds=10)
    await office.deliver()

    first, second = inbox.tried
    assert (first.id, first.attempt, second.attempt) == (second.id, 1, 2)
    assert first.link != second.link


async def test_a_mail_that_is_refused_for_good_is_given_up_at_once(clock: FakeClock) -> None:
    inbox = Faulty(MailRefused("no such mailbox"))
    office = Office(clock=clock, sender=inbox)
    ada = await office.a_user()
    await office.queue(ada)

    await office.deliver()

    assert office.events == [MailFailed(**told(ada), reason=MailFailure.REFUSED, is_kept=False)]
    assert await office.waiting() == 0


# A sender that awaits a task of the app's that was cancelled raises the second one.
@pytest.mark.parametrize("kind", [LookupError, asyncio.CancelledError])
async def test_an_error_of_the_apps_sender_is_worth_another_attempt_and_is_not_logged(
    clock: FakeClock, caplog: pytest.LogCaptureFixture, kind: type[BaseException]
) -> None:
    office = Office(clock=clock, sender=Faulty(kind(SECRET)))
    await office.queue(await office.a_user())

    await office.deliver()
    clock.advance(seconds=10)

    assert len(await office.deliver()) == 1
    assert caplog.messages == [f"the mail verify_email was not sent: {kind.__name__}"]
    assert SECRET not in caplog.text


async def test_no_address_token_or_link_is_logged(
    clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    office = Office(clock=clock, sender=Faulty(MailNotSent("down"), TimeoutError(), MailRefused()))
    await office.queue(await office.a_user())

    for _ in range(3):
        await office.deliver()
        clock.advance(hours=1)

    assert "verify_email" in caplog.text
    assert "ada@" not in caplog.text
    assert "token=" not in caplog.text
    assert all("ada@" not in repr(event) for event in office.events)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        pytest.param(
            "Subject: Hi\n\nWelcome.\n", "its text has no link: write {{ link }}", id="link"
        ),
        pytest.param("Subject: {{ '' }}\n\n{{ link }}\n", "must be a subject", id="subject"),
        pytest.param(
            "Subject: Hi\n\n{{ link.no_such_thing }}\n",
            "UndefinedError in {template}, line 3",
            id="it raises",
        ),
    ],
)
async def test_a_template_that_fails_keeps_its_mail_and_stops_no_other(
    tmp_path: Path, clock: FakeClock, caplog: pytest.LogCaptureFixture, text: str, complaint: str
) -> None:
    template = tmp_path / "verify_email.txt"
    template.write_text(text)
    (tmp_path / "password_changed.txt").write_text("Subject: Hi\n\nIt was changed.\n")
    office = Office(clock=clock, options=MailOptions(templates=tmp_path))
    ada = await office.a_user()
    await office.queue(ada)
    await office.queue(ada, MailPurpose.PASSWORD_CHANGED)

    (mail,) = await office.deliver()
    template.write_text("Subject: Hi\n\n{{ link }}\n")
    clock.advance(seconds=10)
    (mended,) = await office.deliver()

    assert (mail.purpose, mended.purpose) == (
        MailPurpose.PASSWORD_CHANGED,
        MailPurpose.VERIFY_EMAIL,
    )
    assert mended.subject == "Hi"
    failed = MailFailed(
        user_id=ada.id,
        purpose=MailPurpose.VERIFY_EMAIL,
        reason=MailFailure.TEMPLATE,
        is_kept=True,
    )
    assert office.events.count(failed) == 1
    assert complaint.replace("{template}", str(template)) in caplog.text
    assert "token=" not in caplog.text


class Interrupted:
    """A value of a profile that raises what awaiting a cancelled task raises."""

    def __str__(self) -> str:
        raise asyncio.CancelledError(SECRET)


async def test_a_template_that_meets_a_cancelled_task_has_failed(
    tmp_path: Path, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    template = tmp_path / "verify_email.txt"
    template.write_text("Subject: Hi\n\n{{ profile.name }} {{ link }}\n")
    office = Office(clock=clock, options=MailOptions(templates=tmp_path))
    ada = await office.a_user(profile={"name": Interrupted()})
    await office.queue(ada)

    await office.deliver()

    assert office.events == [MailFailed(**told(ada), reason=MailFailure.TEMPLATE, is_kept=True)]
    (message,) = caplog.messages
    assert message.startswith(
        f"a template of the mail verify_email failed: CancelledError in {template},"
    )
    assert SECRET not in caplog.text


async def test_a_newer_mail_replaces_one_that_is_still_to_be_tried(clock: FakeClock) -> None:
    """Otherwise the older one would make the link of the newer one invalid."""
    office = Office(clock=clock, sender=Faulty(MailNotSent("down")))
    ada = await office.a_user()
    await office.queue(ada)
    await office.deliver()
    clock.advance(seconds=5)
    newer = await office.queue(ada)

    (mail,) = await office.deliver()
    clock.advance(days=1)

    assert mail.id == newer.id
    assert await office.deliver() == []


async def test_a_slow_receiver_holds_up_no_other_mail(clock: FakeClock) -> None:
    slow = Slow()
    office = Office(clock=clock, sender=slow)
    first = await office.a_user(email="slow@example.com")
    ada = await office.a_user()
    for _ in range(40):
        await office.queue(first, MailPurpose.PASSWORD_CHANGED)
    for _ in range(3):
        await office.queue(ada, MailPurpose.PASSWORD_CHANGED)
    look = office.mailer.look

    async with limit():
        while len(slow.messages) < 3:
            await look()
            await asyncio.sleep(0)
    slow.go_on.set()

    assert len(await office.deliver()) == 43


async def test_a_sender_that_hangs_is_cancelled_before_the_claim_expires(
    clock: FakeClock,
) -> None:
    office = Office(clock=clock, sender=Slow())
    ada = await office.a_user(email="slow@example.com")
    mail = await office.queue(ada)
    deliver = office.mailer.deliver
    assert timedelta(seconds=deliver.seconds) < CLAIM / 2

    async with limit():
        await replace(deliver, seconds=0.05)(mail.user_id, mail.id)

    assert office.events == [MailDeferred(**told(ada), reason=MailFailure.UNREACHABLE)]


async def test_several_workers_send_each_mail_once(storage: Storage, clock: FakeClock) -> None:
    inbox = Inbox()
    workers = [Office(storage=storage, clock=clock, sender=inbox) for _ in range(4)]
    users = [await workers[0].a_user(email=f"{n}@example.com") for n in range(25)]
    for user in users:
        await workers[0].queue(user)

    async with limit():
        await asyncio.gather(*(each.mailer.loop.drain() for each in workers))

    assert sorted(each.recipient for each in inbox.messages) == sorted(
        user.email.typed for user in users
    )
    assert await workers[0].waiting() == 0


async def test_a_mail_of_a_worker_that_died_is_sent_by_another_after_its_claim(
    storage: Storage, clock: FakeClock
) -> None:
    dying, other = (Office(storage=storage, clock=clock, sender=Slow()) for _ in range(2))
    user = await dying.a_user(email="slow@example.com")
    await dying.queue(user)
    await dying.mailer.look()
    assert isinstance(dying.sender, Slow)
    sender = dying.sender
    await eventually(lambda: sender.waiting == 1)
    for task in dying.mailer.loop._running.values():
        task.cancel()
    assert isinstance(other.sender, Slow)
    other.sender.go_on.set()

    early = await other.deliver()
    clock.advance(CLAIM)
    late = await other.deliver()

    assert (len(early), len(late)) == (0, 1)
    assert late[0].attempt == 2


async def test_a_worker_that_stood_still_does_not_send_after_its_claim(clock: FakeClock) -> None:
    inbox = Inbox()
    office = Office(clock=clock, sender=inbox)
    mail = await office.queue(await office.a_user())
    deliver = office.mailer.deliver

    class Late(MakeMessage):
        def __call__(self, mail: OutboxMail, user: User | None, token: str | None) -> Message:
            clock.advance(CLAIM)
            return super().__call__(mail, user, token)

    late = Late(**vars(deliver.make))
    await replace(deliver, make=late)(mail.user_id, mail.id)

    assert inbox.messages == []


async def test_a_sent_mail_is_not_sent_again_because_the_database_was_away(
    clock: FakeClock,
) -> None:
    storage = Away()
    slow = Slow()
    office = Office(storage=storage, clock=clock, sender=slow)
    await office.queue(await office.a_user(email="slow@example.com"))
    await office.mailer.look()
    await eventually(lambda: slow.waiting == 1)
    storage.is_away = True
    slow.go_on.set()
    await eventually(lambda: len(slow.messages) == 1)
    storage.is_away = False

    async with limit():
        await office.deliver()
    clock.advance(days=1)

    assert await office.deliver() == []
    assert await office.waiting() == 0


async def test_a_worker_that_has_lost_its_claim_removes_no_mail(clock: FakeClock) -> None:
    """The link that it has sent is invalid since the other worker's claim."""
    storage, slow = MemoryStorage(), Slow()
    late = Office(storage=storage, clock=clock, sender=slow)
    other = Office(storage=storage, clock=clock, sender=Faulty(MailNotSent("cut off")))
    await late.queue(await late.a_user(email="slow@example.com"))
    await late.mailer.look()
    await eventually(lambda: slow.waiting == 1)
    clock.advance(CLAIM)

    await other.deliver()
    slow.go_on.set()
    await late.deliver()

    assert late.events == []
    assert await other.waiting() == 1


async def test_a_mail_of_a_newer_version_is_left_for_it(tmp_path: Path) -> None:
    storage = SqlStorage.from_url(f"sqlite:///{tmp_path}/test.db")
    await storage.open(migrate=True)
    office = Office(storage=storage)
    await office.queue(await office.a_user())
    async with storage._writing() as connection:
        await connection.execute(outbox_table.update().values(purpose="of a newer version"))

    assert await office.deliver() == []

    await storage.close()
