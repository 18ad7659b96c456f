"""Contract of `ports.Storage.prune`."""
# ruff: noqa: S101, D102  Tests assert, and their names are their docstrings.

from datetime import UTC, datetime, timedelta

import pytest

from tokenpair.core.sessions.rule import EndReason
from tokenpair.ports import Storage
from tokenpair.testing.store_contract.feed import end_of_feed, news
from tokenpair.testing.store_contract.samples import (
    HOUR,
    NOW,
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
