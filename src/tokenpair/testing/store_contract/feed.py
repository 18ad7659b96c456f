"""Contract of `ports.Storage.read_feed`."""
# ruff: noqa: S101, D102  Tests assert, and their names are their docstrings.

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
    """Return the position after all that is in the feed now."""
    return (await storage.read_feed(None)).position


async def news(storage: Storage, position: FeedPosition | None) -> list[Revocation]:
    """Return the entries since a position."""
    return list((await storage.read_feed(position)).entries)


def sessions_in(entries: Sequence[Revocation]) -> set[UUID | None]:
    """Return the ids of the sessions that entries revoke."""
    return {entry.session_id for entry in entries}


class FeedPromises:
    """The feed of revocations: every committed revocation is in it."""

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

    async def test_without_a_known_access_lifetime_a_revocation_lasts_for_a_day(
        self, storage: Storage
    ) -> None:
        session = make_session(user := make_user())
        await keep(storage, user, session)

        async with storage.begin() as tx:
            await tx.sessions.end(session.user_id, session.id, EndReason.LOGOUT, NOW)

        (entry,) = await news(storage, None)
        assert entry.until - entry.recorded_at > UNKNOWN_ACCESS

    async def test_a_reload_returns_all_that_is_in_force_and_the_new_entries(
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

    async def test_each_of_several_ended_sessions_is_in_the_feed(self, storage: Storage) -> None:
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

    async def test_ending_an_ended_session_adds_nothing_to_the_feed(self, storage: Storage) -> None:
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
            await tx.users.set_roles(user.id, frozenset({"admin"}))  # Changes nothing.

        (entry,) = await news(storage, position)
        assert (entry.session_id, entry.user_id, entry.min_version) == (None, user.id, 1)

    async def test_what_is_rolled_back_is_not_in_the_feed(self, storage: Storage) -> None:
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

    async def test_a_listener_is_called_after_the_commit(self, storage: Storage) -> None:
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

    async def test_a_read_without_position_returns_all_that_is_in_force(
        self, storage: Storage
    ) -> None:
        user = make_user()
        sessions = [make_session(user) for _ in range(2)]
        await keep(storage, user, *sessions)
        async with storage.begin() as tx:
            await tx.sessions.end_all(user.id, EndReason.LOGOUT_ALL, NOW)

        entries = await news(storage, None)

        assert {session.id for session in sessions} <= sessions_in(entries)

    async def test_an_entry_is_returned_for_each_earlier_position(self, storage: Storage) -> None:
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

    async def test_a_page_has_the_present_time(self, storage: Storage) -> None:
        page = await storage.read_feed(None)

        assert abs(page.now - datetime.now(UTC)) < timedelta(minutes=1)
