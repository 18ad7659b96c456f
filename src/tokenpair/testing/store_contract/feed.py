"""What the feed of revocations promises: whatever is revoked is in it, once it is committed."""
# ruff: noqa: S101, D102  These are tests: they assert, and their names are their docstrings.

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from tokenpair.core.sessions.revocation import MARGIN, UNKNOWN_ACCESS, Revocation
from tokenpair.core.sessions.rule import EndReason
from tokenpair.core.tokens.lifetimes import ACCESS
from tokenpair.errors import EmailTaken
from tokenpair.ports import FeedPosition, Storage
from tokenpair.testing.store_contract.samples import NOW, keep, make_session, make_user


async def end_of_feed(storage: Storage) -> FeedPosition:
    """Read all that others have left."""
    return (await storage.read_feed(None)).position


async def news(storage: Storage, position: FeedPosition | None) -> list[Revocation]:
    """Give what is new since a position."""
    return list((await storage.read_feed(position)).entries)


def sessions_in(entries: Sequence[Revocation]) -> set[UUID | None]:
    """Give the sessions that entries speak of."""
    return {entry.session_id for entry in entries}


class FeedPromises:
    """For `StorageContract`."""

    async def test_an_ended_session_is_in_the_feed(self, storage: Storage) -> None:
        user = make_user()
        session = make_session(user)
        await keep(storage, user, session)
        await storage.open(migrate=False, access=ACCESS)
        position = await end_of_feed(storage)

        async with storage.begin() as tx:
            await tx.sessions.end(session.user_id, session.id, EndReason.LOGOUT, NOW)

        (entry,) = await news(storage, position)
        assert (entry.session_id, entry.user_id) == (session.id, None)
        now = (await storage.read_feed(None)).now
        assert timedelta(0) <= now - entry.recorded_at < timedelta(minutes=1)
        lasting = entry.until - entry.recorded_at
        assert abs(lasting - (ACCESS + MARGIN)) < timedelta(milliseconds=5)

    async def test_where_no_worker_has_told_its_lifetime_a_revocation_lasts_for_a_day(
        self, storage: Storage
    ) -> None:
        session = make_session(user := make_user())
        await keep(storage, user, session)

        async with storage.begin() as tx:
            await tx.sessions.end(session.user_id, session.id, EndReason.LOGOUT, NOW)

        (entry,) = await news(storage, None)
        assert entry.until - entry.recorded_at > UNKNOWN_ACCESS

    async def test_a_reload_has_all_that_is_in_force_besides_the_news(
        self, storage: Storage
    ) -> None:
        user = make_user()
        sessions = [make_session(user) for _ in range(2)]
        await keep(storage, user, *sessions)
        async with storage.begin() as tx:
            await tx.sessions.end(sessions[0].user_id, sessions[0].id, EndReason.LOGOUT, NOW)
        position = await end_of_feed(storage)
        async with storage.begin() as tx:
            await tx.sessions.end(sessions[1].user_id, sessions[1].id, EndReason.LOGOUT, NOW)

        page = await storage.read_feed(position, reload=True)

        assert sessions_in(page.entries) == {session.id for session in sessions}

    async def test_every_session_that_ends_at_once_is_in_the_feed(self, storage: Storage) -> None:
        user, other = make_user(), make_user("bob@example.com")
        sessions = [make_session(user) for _ in range(3)]
        await keep(storage, user, *sessions)
        await keep(storage, other, make_session(other))
        position = await end_of_feed(storage)

        async with storage.begin() as tx:
            await tx.sessions.end(sessions[0].user_id, sessions[0].id, EndReason.LOGOUT, NOW)
            await tx.sessions.end_all(user.id, EndReason.LOGOUT_ALL, NOW)

        entries = await news(storage, position)
        assert sessions_in(entries) == {session.id for session in sessions}
        assert len(entries) == 3

    async def test_what_had_ended_already_is_no_news(self, storage: Storage) -> None:
        user = make_user()
        session = make_session(user, ended_at=NOW, end_reason=EndReason.LOGOUT)
        await keep(storage, user, session)
        position = await end_of_feed(storage)

        async with storage.begin() as tx:
            await tx.sessions.end(session.user_id, session.id, EndReason.LOGOUT, NOW)
            await tx.sessions.end_all(user.id, EndReason.LOGOUT_ALL, NOW)

        assert await news(storage, position) == []

    async def test_changed_roles_are_in_the_feed(self, storage: Storage) -> None:
        user = make_user()
        await keep(storage, user)
        position = await end_of_feed(storage)

        async with storage.begin() as tx:
            await tx.users.set_roles(user.id, frozenset({"admin"}))
            await tx.users.set_roles(user.id, frozenset({"admin"}))  # No change, no news.

        (entry,) = await news(storage, position)
        assert (entry.session_id, entry.user_id, entry.min_version) == (None, user.id, 1)

    async def test_what_is_rolled_back_is_never_told(self, storage: Storage) -> None:
        user = make_user()
        session = make_session(user)
        await keep(storage, user, session)
        position = await end_of_feed(storage)
        heard: list[Sequence[Revocation]] = []
        storage.listen(heard.append)
        heard.clear()

        async def change_ones_mind() -> None:
            async with storage.begin() as tx:
                await tx.sessions.end(session.user_id, session.id, EndReason.LOGOUT, NOW)
                raise EmailTaken

        with pytest.raises(EmailTaken):
            await change_ones_mind()

        assert await news(storage, position) == []
        assert [entry for entries in heard for entry in entries] == []

    async def test_who_records_it_hears_of_it_at_once(self, storage: Storage) -> None:
        user = make_user()
        session = make_session(user)
        await keep(storage, user, session)
        heard: list[Sequence[Revocation]] = []
        storage.listen(heard.append)
        heard.clear()

        async with storage.begin() as tx:
            await tx.sessions.end(session.user_id, session.id, EndReason.LOGOUT, NOW)
            before = list(heard)

        assert before == []
        assert sessions_in([entry for entries in heard for entry in entries]) == {session.id}

    async def test_a_reader_that_begins_gets_all_that_is_in_force(self, storage: Storage) -> None:
        user = make_user()
        sessions = [make_session(user) for _ in range(2)]
        await keep(storage, user, *sessions)
        async with storage.begin() as tx:
            await tx.sessions.end_all(user.id, EndReason.LOGOUT_ALL, NOW)

        entries = await news(storage, None)

        assert {session.id for session in sessions} <= sessions_in(entries)

    async def test_news_is_told_until_the_reader_moves_on(self, storage: Storage) -> None:
        user = make_user()
        first, second = make_session(user), make_session(user)
        await keep(storage, user, first, second)
        start = await end_of_feed(storage)
        async with storage.begin() as tx:
            await tx.sessions.end(first.user_id, first.id, EndReason.LOGOUT, NOW)
        page = await storage.read_feed(start)
        async with storage.begin() as tx:
            await tx.sessions.end(second.user_id, second.id, EndReason.LOGOUT, NOW)

        assert sessions_in(await news(storage, start)) == {first.id, second.id}
        assert second.id in sessions_in(await news(storage, page.position))

    async def test_the_storages_clock_is_about_right(self, storage: Storage) -> None:
        page = await storage.read_feed(None)

        assert abs(page.now - datetime.now(UTC)) < timedelta(minutes=1)
