"""Contract of `ports.UnitOfWork.record`, and of `ports.Storage.listen`."""
# ruff: noqa: S101, D102  Tests assert, and their names are their docstrings.

from collections.abc import Sequence

import pytest

from tokenpair.core.accounts.events import UserDeleted
from tokenpair.core.events import RecordedEvent, RolesChanged, SessionEnded, SessionOpened
from tokenpair.core.sessions.revocation import ALL_VERSIONS, Revocation
from tokenpair.core.sessions.rule import EndReason
from tokenpair.errors import EmailTaken
from tokenpair.ports import Storage
from tokenpair.testing.store_contract.samples import NOW, keep, make_session, make_user

_USER = make_user()
_SESSION = make_session(_USER)
_ENDED = SessionEnded(user_id=_USER.id, session_id=_SESSION.id, reason=EndReason.LOGOUT)
_CHANGED = RolesChanged(user_id=_USER.id, version=3)
_DELETED = UserDeleted(user_id=_USER.id)
_OPENED = SessionOpened(user_id=_USER.id, session_id=_SESSION.id)


def tokens(entries: Sequence[Revocation]) -> list[tuple[object, object, int]]:
    """Return which tokens each entry revokes."""
    return [(entry.session_id, entry.user_id, entry.min_version) for entry in entries]


class EventPromises:
    """Events: recorded in a unit of work, announced after its commit."""

    @pytest.mark.parametrize(
        ("event", "expected"),
        [
            pytest.param(_ENDED, [(_SESSION.id, None, 0)], id="session-ended"),
            pytest.param(_CHANGED, [(None, _USER.id, 3)], id="roles-changed"),
            pytest.param(_DELETED, [(None, _USER.id, ALL_VERSIONS)], id="user-deleted"),
            pytest.param(_OPENED, [], id="session-opened"),
        ],
    )
    async def test_an_event_writes_its_revocation_in_its_own_transaction(
        self,
        storage: Storage,
        event: RecordedEvent,
        expected: list[tuple[object, object, int]],
    ) -> None:
        await keep(storage, _USER, _SESSION)
        position = (await storage.read_feed(None)).position

        async with storage.begin() as tx:
            await tx.record(event)
            before = (await storage.read_feed(position)).entries
            recorded = list(tx.recorded)
        after = (await storage.read_feed(position)).entries

        assert recorded == [event]
        assert list(before) == []
        assert tokens(after) == expected

    async def test_events_of_one_call_are_all_recorded(self, storage: Storage) -> None:
        await keep(storage, _USER, _SESSION)
        position = (await storage.read_feed(None)).position

        async with storage.begin() as tx:
            await tx.record(_OPENED, _CHANGED, _ENDED)
            recorded = list(tx.recorded)

        entries = (await storage.read_feed(position)).entries
        assert recorded == [_OPENED, _CHANGED, _ENDED]
        assert tokens(entries) == [(None, _USER.id, 3), (_SESSION.id, None, 0)]

    async def test_what_ends_a_session_or_changes_roles_records_it(self, storage: Storage) -> None:
        """The storage does it, so that no flow can forget it and leave tokens valid."""
        user = make_user()
        sessions = [make_session(user) for _ in range(3)]
        await keep(storage, user, *sessions)

        async with storage.begin() as tx:
            await tx.sessions.end(user.id, sessions[0].id, EndReason.REPLAY, NOW)
            await tx.sessions.end_all(user.id, EndReason.LOGOUT_ALL, NOW)
            await tx.users.set_roles(user.id, frozenset({"admin"}))
            recorded = list(tx.recorded)

        first, *others, last = recorded
        assert first == SessionEnded(
            user_id=user.id, session_id=sessions[0].id, reason=EndReason.REPLAY
        )
        assert set(others) == {
            SessionEnded(user_id=user.id, session_id=each.id, reason=EndReason.LOGOUT_ALL)
            for each in sessions[1:]
        }
        assert last == RolesChanged(user_id=user.id, version=1)

    async def test_what_changes_nothing_records_nothing(self, storage: Storage) -> None:
        user = make_user(roles=frozenset({"admin"}))
        session = make_session(user, ended_at=NOW, end_reason=EndReason.LOGOUT)
        await keep(storage, user, session)

        async with storage.begin() as tx:
            await tx.sessions.end(user.id, session.id, EndReason.LOGOUT, NOW)
            await tx.sessions.end_all(user.id, EndReason.LOGOUT_ALL, NOW)
            await tx.users.set_roles(user.id, frozenset({"admin"}))
            recorded = list(tx.recorded)

        assert recorded == []

    async def test_a_listener_is_called_once_after_each_commit(self, storage: Storage) -> None:
        await keep(storage, _USER, _SESSION)
        heard: list[Sequence[Revocation]] = []
        storage.listen(heard.append)
        heard.clear()

        async with storage.begin() as tx:
            await tx.record(_ENDED)
            await tx.record(_CHANGED)
            before = list(heard)
        async with storage.begin() as tx:
            await tx.record(_OPENED)  # Revokes nothing.

        assert before == []
        assert [tokens(each) for each in heard] == [[(_SESSION.id, None, 0), (None, _USER.id, 3)]]

    async def test_a_rollback_leaves_no_revocation_and_calls_no_listener(
        self, storage: Storage
    ) -> None:
        await keep(storage, _USER, _SESSION)
        position = (await storage.read_feed(None)).position
        heard: list[Sequence[Revocation]] = []
        storage.listen(heard.append)
        heard.clear()

        async def record_and_fail() -> None:
            async with storage.begin() as tx:
                await tx.record(_ENDED)
                raise EmailTaken

        with pytest.raises(EmailTaken):
            await record_and_fail()

        assert heard == []
        assert list((await storage.read_feed(position)).entries) == []

    async def test_an_error_of_a_listener_is_logged_and_changes_nothing(
        self, storage: Storage, caplog: pytest.LogCaptureFixture
    ) -> None:
        await keep(storage, _USER, _SESSION)
        position = (await storage.read_feed(None)).position
        heard: list[Sequence[Revocation]] = []
        is_broken = False

        def fail(entries: Sequence[Revocation]) -> None:
            if is_broken:
                raise LookupError(len(entries))

        storage.listen(fail)
        storage.listen(heard.append)
        heard.clear()
        is_broken = True

        async with storage.begin() as tx:
            await tx.record(_ENDED)

        assert tokens((await storage.read_feed(position)).entries) == [(_SESSION.id, None, 0)]
        assert [tokens(each) for each in heard] == [[(_SESSION.id, None, 0)]]
        assert "LookupError" in caplog.text
