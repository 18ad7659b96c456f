"""Mails over SMTP while the server hangs, breaks off or comes back, and while workers die."""

import asyncio
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from fastapi import FastAPI

from tests.http.conftest import talking_to
from tests.mail.office import Office
from tests.ports import reserved_port
from tests.smtp import MailServer, mail_server, trusting
from tests.waiting import eventually, limit
from tokenpair import MailOptions, MailPurpose
from tokenpair.core.mail import new_mail
from tokenpair.core.mail_delivery import CLAIM
from tokenpair.core.smtp_url import parse_smtp_url
from tokenpair.fastapi import install
from tokenpair.ids import uuid7
from tokenpair.mail.loop import AT_ONCE
from tokenpair.mail.smtp import SmtpSender
from tokenpair.pace import utc_now
from tokenpair.ports import Storage
from tokenpair.stores.sql import SqlStorage
from tokenpair.testing import PASSWORD, FakeClock, make_auth

ADA = {"email": "ada@example.com", "password": PASSWORD}


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[MailServer]:
    async with mail_server(tmp_path) as found:
        yield found


@pytest.fixture
def sender(server: MailServer, tmp_path: Path) -> SmtpSender:
    url = parse_smtp_url(f"smtp://localhost:{server.port}")
    return SmtpSender(url, tls=trusting(tmp_path))


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/test.db"
    found: str = request.getfixturevalue("postgres_url")
    return found


@pytest.fixture
async def storage(url: str) -> AsyncIterator[Storage]:
    storage = SqlStorage.from_url(url)
    await storage.open(migrate=True)
    yield storage
    await storage.close()


async def test_a_server_that_hangs_holds_no_request(
    storage: Storage, server: MailServer, sender: SmtpSender
) -> None:
    server.hangs = asyncio.Event()
    auth = make_auth(storage=storage, mail_options=MailOptions(sender=sender))
    app = FastAPI()
    install(app, auth)
    async with auth, talking_to(app) as client:
        for _ in range(AT_ONCE + 1):
            async with auth._parts.storage.begin() as tx:
                await tx.outbox.add(
                    new_mail(
                        *(MailPurpose.INVITATION, uuid7(), "eve@example.com"),
                        *(auth.clock(), uuid7()),
                    )
                )
        hangs = server
        await eventually(lambda: hangs.connections == AT_ONCE)

        async with limit():
            signed_up = await client.post("/auth/signup", json=ADA)
            logged_in = await client.post("/auth/login", json=ADA)
        server.hangs.set()

        assert (signed_up.status_code, logged_in.status_code) == (201, 200)
        await eventually(lambda: len(server.received) > AT_ONCE)


async def test_a_mail_is_sent_again_after_the_connection_was_cut(
    storage: Storage, server: MailServer, sender: SmtpSender
) -> None:
    clock = FakeClock()
    server.answers += [None, "451 later"]
    office = Office(storage=storage, clock=clock, sender=sender)
    await office.queue(await office.a_user())

    for seconds in (10, 20, 3600):
        await office.mailer.loop.drain()
        clock.advance(seconds=seconds)

    assert server.recipients == ["ada@example.com"]
    assert await office.waiting() == 0


async def test_a_mail_is_sent_when_the_server_is_back(storage: Storage, tmp_path: Path) -> None:
    clock = FakeClock()
    with reserved_port() as port:
        sender = SmtpSender(parse_smtp_url(f"smtp://localhost:{port}"), tls=trusting(tmp_path))
        office = Office(storage=storage, clock=clock, sender=sender)
        await office.queue(await office.a_user())
        await office.mailer.loop.drain()
        clock.advance(seconds=10)

        async with mail_server(tmp_path, port=port) as server:
            await office.mailer.loop.drain()

            assert server.recipients == ["ada@example.com"]


async def test_a_recipient_that_is_refused_stops_no_other_mail(
    storage: Storage, server: MailServer, sender: SmtpSender
) -> None:
    server.refusals["bob@example.com"] = "550 no such mailbox"
    office = Office(storage=storage, sender=sender)
    for name in ("ada", "bob", "eve"):
        await office.queue(await office.a_user(email=f"{name}@example.com"))

    await office.mailer.loop.drain()

    assert sorted(server.recipients) == ["ada@example.com", "eve@example.com"]
    assert await office.waiting() == 0


async def test_a_mail_of_a_killed_worker_is_sent_once_its_claim_has_expired(
    storage: Storage, url: str, server: MailServer, sender: SmtpSender, tmp_path: Path
) -> None:
    server.hangs = asyncio.Event()
    office = Office(storage=storage, clock=utc_now, sender=sender)
    await office.queue(await office.a_user())
    arguments = (url, str(server.port), str(tmp_path / "ca.pem"))
    worker = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.faults.mail_worker", *arguments
    )
    async with limit():
        await server.arrived.wait()

    worker.kill()
    await worker.wait()
    server.hangs = None  # The server drops a mail that has lost its connection.
    await office.mailer.loop.drain()
    early = list(server.recipients)
    office.clock = FakeClock(datetime.now(UTC) + CLAIM)
    office.__post_init__()
    await office.mailer.loop.drain()

    assert early == []
    assert server.recipients == ["ada@example.com"]
    assert await office.waiting() == 0
