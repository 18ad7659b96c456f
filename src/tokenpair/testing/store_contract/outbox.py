"""Contract of `ports.Outbox`."""
# ruff: noqa: S101, D102  Tests assert, and their names are their docstrings.

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from tokenpair.core.mail import MailPurpose, OutboxMail
from tokenpair.errors import EmailTaken
from tokenpair.ids import uuid7
from tokenpair.ports import Storage
from tokenpair.testing.store_contract.samples import HOUR, NOW, TICK, waits

_LATER = NOW + HOUR


def make_mail(**changes: Any) -> OutboxMail:  # noqa: ANN401
    """Return a mail that is due at `NOW`; `changes` replace fields."""
    mail = OutboxMail(
        user_id=uuid7(),
        id=uuid7(),
        purpose=MailPurpose.VERIFY_EMAIL,
        address="ada@example.com",
        data={"roles": ["editor"]},
        created_at=NOW - HOUR,
        due_at=NOW,
    )
    return replace(mail, **changes)


async def _add(storage: Storage, *mails: OutboxMail) -> None:
    async with storage.begin() as tx:
        for mail in mails:
            await tx.outbox.add(mail)


async def _due(storage: Storage, now: datetime = NOW, limit: int = 10) -> list[UUID]:
    async with storage.reading() as look:
        return [mail_id for _, mail_id in await look.outbox.due(now, limit=limit)]


async def _claim(
    storage: Storage, mail: OutboxMail, *, now: datetime = NOW, until: datetime = _LATER
) -> OutboxMail | None:
    async with storage.begin() as tx:
        return await tx.outbox.claim(mail.user_id, mail.id, now=now, until=until)


class OutboxPromises:
    """The outbox: each mail is claimed by one worker at a time."""

    async def test_a_claimed_mail_is_the_one_that_was_added(self, storage: Storage) -> None:
        mail = make_mail()
        await _add(storage, mail)

        claimed = await _claim(storage, mail)

        assert claimed == replace(mail, attempts=1, claimed_until=_LATER)

    async def test_the_number_of_added_mails_is_that_of_the_unit_of_work(
        self, storage: Storage
    ) -> None:
        async with storage.begin() as tx:
            before = tx.outbox.added
            await tx.outbox.add(make_mail())
            await tx.outbox.add(make_mail())
            after = tx.outbox.added
        async with storage.begin() as tx:
            assert (before, after, tx.outbox.added) == (0, 2, 0)

    async def test_mails_of_some_users_are_left_out(self, storage: Storage) -> None:
        mails = [make_mail() for _ in range(3)]
        await _add(storage, *mails)
        users = {each.user_id for each in mails[:2]}

        async with storage.reading() as look:
            assert await look.outbox.due(NOW, limit=1, without=users) == [
                (mails[2].user_id, mails[2].id)
            ]
            everyone = [each.user_id for each in mails]
            assert await look.outbox.due(NOW, limit=1, without=everyone) == []

    async def test_mails_that_are_due_come_first_due_first(self, storage: Storage) -> None:
        first, second, later = (
            make_mail(due_at=NOW - TICK),
            make_mail(due_at=NOW),
            make_mail(due_at=NOW + TICK),
        )
        await _add(storage, later, second, first)

        assert await _due(storage) == [first.id, second.id]
        assert await _due(storage, limit=1) == [first.id]

    async def test_a_mail_that_is_not_due_cannot_be_claimed(self, storage: Storage) -> None:
        mail = make_mail(due_at=NOW + TICK)
        await _add(storage, mail)

        assert await _claim(storage, mail) is None

    async def test_a_claim_holds_until_it_expires(self, storage: Storage) -> None:
        mail = make_mail()
        await _add(storage, mail)
        await _claim(storage, mail)

        assert await _due(storage, _LATER - TICK) == []
        assert await _claim(storage, mail, now=_LATER - TICK) is None
        assert await _due(storage, _LATER) == [mail.id]
        again = await _claim(storage, mail, now=_LATER, until=_LATER + HOUR)
        assert again == replace(mail, attempts=2, claimed_until=_LATER + HOUR)

    async def test_of_many_workers_one_gets_the_mail(self, storage: Storage) -> None:
        mail = make_mail()
        await _add(storage, mail)

        claims = await asyncio.gather(*(_claim(storage, mail) for _ in range(8)))

        assert len([each for each in claims if each]) == 1

    async def test_a_rolled_back_claim_is_none(self, storage: Storage) -> None:
        mail = make_mail()
        await _add(storage, mail)

        async def claim_and_fail() -> None:
            async with storage.begin() as tx:
                await tx.outbox.claim(mail.user_id, mail.id, now=NOW, until=_LATER)
                raise EmailTaken

        with pytest.raises(EmailTaken):
            await claim_and_fail()

        assert await _due(storage) == [mail.id]

    async def test_a_postponed_mail_is_due_later_and_keeps_its_attempts(
        self, storage: Storage
    ) -> None:
        mail = make_mail()
        await _add(storage, mail)
        claimed = await _claim(storage, mail)
        assert claimed

        async with storage.begin() as tx:
            assert await tx.outbox.postpone(claimed, NOW + TICK)

        assert await _due(storage) == []
        again = await _claim(storage, mail, now=NOW + TICK)
        assert again == replace(claimed, attempts=2, due_at=NOW + TICK)

    async def test_a_lost_claim_postpones_nothing(self, storage: Storage) -> None:
        mail = make_mail()
        await _add(storage, mail)
        lost = await _claim(storage, mail)
        assert lost
        held = await _claim(storage, mail, now=_LATER, until=_LATER + HOUR)

        async with storage.begin() as tx:
            assert not await tx.outbox.postpone(lost, _LATER)

        assert held
        assert await _due(storage, _LATER) == []

    async def test_a_lost_claim_removes_nothing(self, storage: Storage) -> None:
        mail = make_mail()
        await _add(storage, mail)
        lost = await _claim(storage, mail)
        held = await _claim(storage, mail, now=_LATER, until=_LATER + HOUR)
        assert lost
        assert held

        async with storage.begin() as tx:
            removed = [await tx.outbox.remove(each) for each in (mail, lost, held)]

        assert removed == [False, False, True]

    async def test_a_mail_is_removed_once(self, storage: Storage) -> None:
        mail, other = make_mail(), make_mail()
        await _add(storage, mail, other)

        async with storage.begin() as tx:
            assert await tx.outbox.remove(mail)
            assert not await tx.outbox.remove(mail)

        assert await _due(storage) == [other.id]

    async def test_only_older_mails_of_the_same_user_and_purpose_are_removed(
        self, storage: Storage
    ) -> None:
        mail = make_mail()
        same = {"user_id": mail.user_id, "due_at": NOW - timedelta(minutes=1)}
        older = make_mail(**same, created_at=mail.created_at - TICK)
        kept = [
            mail,
            make_mail(**same, created_at=mail.created_at + TICK),
            make_mail(**same, created_at=older.created_at, purpose=MailPurpose.RESET_PASSWORD),
            make_mail(created_at=older.created_at),
        ]
        await _add(storage, older, *kept)

        async with storage.begin() as tx:
            await tx.outbox.remove_older(mail)

        assert set(await _due(storage)) == {each.id for each in kept}

    async def test_all_mails_of_a_user_and_purpose_are_removed_also_claimed_ones(
        self, storage: Storage
    ) -> None:
        mail = make_mail()
        claimed = make_mail(user_id=mail.user_id)
        kept = [make_mail(user_id=mail.user_id, purpose=MailPurpose.RESET_PASSWORD), make_mail()]
        await _add(storage, mail, claimed, *kept)
        await _claim(storage, claimed)

        async with storage.begin() as tx:
            await tx.outbox.remove_all(mail.user_id, mail.purpose)

        assert set(await _due(storage, _LATER)) == {each.id for each in kept}

    async def test_a_delivery_and_a_newer_mail_remove_older_ones_without_a_deadlock(
        self, storage: Storage
    ) -> None:
        oldest = make_mail()
        newer, newest = (
            make_mail(user_id=oldest.user_id, created_at=oldest.created_at + number * TICK)
            for number in (1, 2)
        )
        await _add(storage, oldest, newer)

        async def replace_all() -> None:
            async with storage.begin() as tx:
                await tx.outbox.remove_older(newest)
                await tx.outbox.add(newest)

        async with asyncio.TaskGroup() as tasks, storage.begin() as tx:
            assert await tx.outbox.claim(newer.user_id, newer.id, now=NOW, until=_LATER)
            replacing = tasks.create_task(replace_all())
            waited = await waits(replacing)
            await tx.outbox.remove_older(newer)

        assert waited
        assert await _due(storage) == [newest.id]
