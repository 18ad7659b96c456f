"""Contract of `ports.Storage.prune`."""
# ruff: noqa: S101, D102  Tests assert, and their names are their docstrings.

from datetime import UTC, datetime, timedelta

import pytest

from tokenpair.core.mail import OUTBOX_KEPT
from tokenpair.core.one_time import TOKEN_KEPT
from tokenpair.core.sessions.rule import EndReason
from tokenpair.ports import Storage
from tokenpair.testing.store_contract.feed import end_of_feed, news
from tokenpair.testing.store_contract.one_time import make_one_time_token
from tokenpair.testing.store_contract.outbox import make_mail
from tokenpair.testing.store_contract.samples import (
    HOUR,
    NOW,
    TICK,
    keep,
    make_session,
    make_user,
    read_session,
    read_user,
)

OVER = NOW - timedelta(days=1, microseconds=1)
"""End of a session that is just old enough to be removed."""


class PrunePromises:
    """Pruning: what is over is removed in batches, and nothing else."""

    async def test_a_session_is_removed_a_day_after_it_was_over(self, storage: Storage) -> None:
        user = make_user()
        live = make_session(user)
        lately = make_session(user, expires_at=NOW - 24 * HOUR)
        ended = make_session(user, ended_at=NOW - 9 * HOUR, end_reason=EndReason.LOGOUT)
        over = make_session(user, expires_at=OVER)
        ended_over = make_session(user, ended_at=OVER, end_reason=EndReason.LOGOUT)
        both = make_session(user, expires_at=OVER, ended_at=OVER, end_reason=EndReason.LOGOUT)
        sessions = (live, lately, ended, over, ended_over, both)
        await keep(storage, user, *sessions)

        removed = await storage.prune(NOW, 100)

        assert removed == 3
        left = [await read_session(storage, each) for each in sessions]
        assert left == [live, lately, ended, None, None, None]
        assert await read_user(storage, user) == user

    @pytest.mark.parametrize("moment", ["expires_at", "ended_at"])
    async def test_a_batch_removes_the_oldest_first(self, storage: Storage, moment: str) -> None:
        user = make_user()
        sessions = [make_session(user, **{moment: OVER - number * HOUR}) for number in range(5)]
        await keep(storage, user, *sessions)

        removed = [await storage.prune(NOW, 2)]
        left = [await read_session(storage, each) for each in sessions]
        removed += [await storage.prune(NOW, 2) for _ in range(3)]

        assert removed == [2, 2, 1, 0]
        assert left == [*sessions[:3], None, None]

    async def test_the_limit_applies_to_each_kind_of_row(self, storage: Storage) -> None:
        user = make_user()
        expired = [make_session(user, expires_at=OVER) for _ in range(3)]
        ended = [make_session(user, ended_at=OVER, end_reason=EndReason.LOGOUT) for _ in range(3)]
        await keep(storage, user, *expired, *ended)

        removed = [await storage.prune(NOW, 2) for _ in range(3)]

        assert removed == [4, 2, 0]

    async def test_a_clock_that_is_ahead_removes_no_session(self, storage: Storage) -> None:
        user = make_user()
        session = make_session(user, expires_at=datetime.now(UTC) + HOUR)
        await keep(storage, user, session)

        removed = await storage.prune(datetime.now(UTC) + 1000 * HOUR, 100)

        assert removed == 0
        assert await read_session(storage, session) == session

    async def test_a_clock_that_is_ahead_removes_no_revocation(self, storage: Storage) -> None:
        user = make_user()
        session = make_session(user)
        await keep(storage, user, session)
        position = await end_of_feed(storage)
        async with storage.begin() as tx:
            await tx.sessions.end(session.user_id, session.id, EndReason.LOGOUT, NOW)

        await storage.prune(datetime.now(UTC) + 1000 * HOUR, 100)

        assert len(await news(storage, position)) == 1

    async def test_a_one_time_token_is_removed_an_hour_after_it_expired(
        self, storage: Storage
    ) -> None:
        kept = make_one_time_token(expires_at=NOW - TOKEN_KEPT)
        over = make_one_time_token(expires_at=NOW - TOKEN_KEPT - TICK)
        async with storage.begin() as tx:
            await tx.one_time.put(kept)
            await tx.one_time.put(over)

        removed = [await storage.prune(NOW, 100) for _ in range(2)]

        assert removed == [1, 0]
        async with storage.begin() as tx:
            for token in (kept, over):
                key = (token.user_id, token.purpose, token.token_hash)
                found = await tx.one_time.use(*key, token.expires_at - TICK)
                assert found == (token if token is kept else None)

    async def test_a_mail_is_removed_a_week_after_it_was_due_unless_a_worker_has_claimed_it(
        self, storage: Storage
    ) -> None:
        over, claimed, lost, kept = (
            make_mail(due_at=NOW - OUTBOX_KEPT - age) for age in (TICK, TICK, TICK, 0 * TICK)
        )
        async with storage.begin() as tx:
            for mail in (over, claimed, lost, kept):
                await tx.outbox.add(mail)
            for mail, until in ((claimed, NOW + TICK), (lost, NOW)):
                assert await tx.outbox.claim(mail.user_id, mail.id, now=NOW - HOUR, until=until)

        removed = [await storage.prune(NOW, 100) for _ in range(2)]

        assert removed == [2, 0]
        async with storage.reading() as look:
            left = await look.outbox.due(NOW + HOUR, limit=100)
        assert {mail_id for _, mail_id in left} == {claimed.id, kept.id}

    async def test_a_batch_of_tokens_and_mails_removes_the_oldest_first(
        self, storage: Storage
    ) -> None:
        tokens = [make_one_time_token(expires_at=NOW - TOKEN_KEPT - n * HOUR) for n in (3, 1, 2)]
        mails = [make_mail(due_at=NOW - OUTBOX_KEPT - n * HOUR) for n in (3, 1, 2)]
        async with storage.begin() as tx:
            for token, mail in zip(tokens, mails, strict=True):
                await tx.one_time.put(token)
                await tx.outbox.add(mail)

        removed = await storage.prune(NOW, 2)

        assert removed == 4
        newest, at = tokens[1], NOW - TOKEN_KEPT - 2 * HOUR
        async with storage.begin() as tx:
            assert await tx.outbox.due(NOW, limit=3) == [(mails[1].user_id, mails[1].id)]
            assert await tx.one_time.use(newest.user_id, newest.purpose, newest.token_hash, at)
        assert await storage.prune(NOW, 2) == 1

    async def test_a_clock_that_is_ahead_removes_no_token_and_no_mail(
        self, storage: Storage
    ) -> None:
        now = datetime.now(UTC)
        async with storage.begin() as tx:
            await tx.one_time.put(make_one_time_token(expires_at=now + HOUR))
            await tx.outbox.add(make_mail(due_at=now + HOUR))

        assert await storage.prune(now + 1000 * HOUR, 100) == 0
