"""An invitation at the moment of what makes it pointless: no deadlock, and nothing is left."""

from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID

import pytest

from tests.storages import PATIENT, database_url
from tests.stores.racing import at_once
from tokenpair import Auth, MailPurpose, User
from tokenpair.core.accounts.email import EmailAddress
from tokenpair.core.accounts.invitation import invitation_id
from tokenpair.core.mail import new_mail
from tokenpair.core.tokens.key import Key
from tokenpair.core.tokens.keyring import Keyring
from tokenpair.errors import EmailTaken, MailTokenInvalid
from tokenpair.ids import uuid7
from tokenpair.stores.sql import SqlStorage
from tokenpair.testing import PASSWORD, FakeClock, a_user, make_auth, read_mail_token, read_mails

ROUNDS = 5


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return database_url(request, tmp_path)


@pytest.fixture
async def workers(url: str) -> AsyncIterator[list[Auth]]:
    """Two workers. The first one delivers all mails."""
    clock, keyring = FakeClock(), Keyring([Key.generate()])
    workers = [
        make_auth(storage=SqlStorage.from_url(url, timeouts=PATIENT), clock=clock, keyring=keyring)
        for _ in range(2)
    ]
    for each in workers:  # One after the other, because the first one migrates.
        await each.open()
    await workers[1]._parts.mailer.loop.stop()
    yield workers
    for each in workers:
        await each.close()


async def is_withdrawn(auth: Auth, email: str) -> bool:
    """Deliver what waits; is no row of the invitation left?"""
    await read_mails(auth)
    async with auth.storage.reading() as look:
        rows = await look.export.rows(uuid7(), invitation_id(EmailAddress.parse(email)))
    return not any(rows.values())


async def test_an_invitation_beside_a_sign_up_leaves_no_mail(workers: list[Auth]) -> None:
    here, there = workers
    for number in range(ROUNDS):
        email = f"ada{number}@example.com"
        await here.invite(email=email)

        user, invited = await at_once(
            here.sign_up(email=email, password=PASSWORD), there.invite(email=email)
        )

        assert isinstance(user, User)
        assert isinstance(invited, UUID) or invited is EmailTaken
        await read_mails(here)
        async with here.storage.reading() as look:
            rows = await look.export.rows(user.id, invitation_id(user.email))
        assert "invitation" not in {row["purpose"] for row in rows["tokenpair_outbox"]}


async def test_an_acceptance_beside_a_sign_up_makes_one_account(workers: list[Auth]) -> None:
    here, there = workers
    for number in range(ROUNDS):
        email = f"ada{number}@example.com"
        reserved = await here.invite(email=email)
        token = await read_mail_token(here, MailPurpose.INVITATION)

        accepted, signed_up = await at_once(
            there.accept_invitation(token=token, password=PASSWORD),
            here.sign_up(email=email, password=PASSWORD),
        )

        if isinstance(accepted, User):
            assert (accepted.id, signed_up) == (reserved, EmailTaken)
        else:
            assert accepted is MailTokenInvalid
            assert isinstance(signed_up, User)
        assert await is_withdrawn(here, email)


async def test_a_deletion_beside_a_delivery_leaves_nothing(workers: list[Auth]) -> None:
    here, there = workers
    for number in range(ROUNDS):
        user = await a_user(here, f"ada{number}@example.com")
        invited = invitation_id(user.email)
        mail = new_mail(MailPurpose.INVITATION, invited, user.email.typed, here.clock(), uuid7())
        async with here.storage.begin() as tx:  # As an `invite` does that has seen no account.
            await tx.outbox.add(mail)

        deleted, mails = await at_once(there.delete(user.id), read_mails(here))

        assert deleted is None
        assert isinstance(mails, list)
        assert await is_withdrawn(here, user.email.typed)
