"""Contract of `ports.Sessions`."""
# ruff: noqa: S101, D102  Tests assert, and their names are their docstrings.

import asyncio
from dataclasses import replace

from tokenpair.core.sessions.rule import (
    EndReason,
    SessionState,
)
from tokenpair.ids import uuid7
from tokenpair.ports import Storage
from tokenpair.testing.store_contract.samples import (
    FORGIVING,
    HOUR,
    NOW,
    STRICT,
    TICK,
    keep,
    make_session,
    make_token,
    make_user,
    read_session,
    waits,
)


class SessionPromises:
    """Sessions: stored, found, ended and locked."""

    async def test_a_stored_session_is_read_back_unchanged(self, storage: Storage) -> None:
        user = make_user(roles=frozenset({"admin"}))
        session = make_session(
            user,
            amr=frozenset({"pwd", "face id", ""}),
            generation=2**40,
            seen_at=NOW - TICK,
            ended_at=NOW,
            end_reason=EndReason.TOO_MANY_SESSIONS,
            user_agent="Mozilla/5.0 (ZX Spectrum; größer)" * 10,
            ip="2001:db8::1",
        )

        await keep(storage, user, session)

        async with storage.begin() as tx:
            assert await tx.sessions.lock(session.user_id, session.id) == (session, user)

    async def test_a_new_session_has_neither_rotated_nor_ended(self, storage: Storage) -> None:
        user = make_user()
        session = make_session(user, head="root", previous=None, generation=0)

        await keep(storage, user, session)

        assert await read_session(storage, session) == session

    async def test_a_session_may_leave_open_how_its_user_authenticated(
        self, storage: Storage
    ) -> None:
        """As in rows that are older than `amr`."""
        user = make_user()
        session = make_session(user, amr=frozenset())

        await keep(storage, user, session)

        assert await read_session(storage, session) == session
        state = await storage.session_state(user.id, session.id, NOW)
        assert state == SessionState.of(session, user)

    async def test_an_unknown_session_is_none_or_false(self, storage: Storage) -> None:
        user_id, session_id = uuid7(), uuid7()

        async with storage.begin() as tx:
            assert await tx.sessions.lock(user_id, session_id) is None
            assert not await tx.sessions.end(user_id, session_id, EndReason.LOGOUT, NOW)
            assert await tx.sessions.live(user_id, NOW) == []
            assert await tx.sessions.end_all(user_id, EndReason.LOGOUT_ALL, NOW) == 0
        assert await storage.session_state(user_id, session_id, NOW) is None
        assert await storage.renew(make_token(make_session(make_user())), NOW, FORGIVING) is None

    async def test_a_session_is_found_by_its_own_user_only(self, storage: Storage) -> None:
        user, other = make_user(), make_user("eve@example.com")
        session = make_session(user)
        await keep(storage, user, session)
        await keep(storage, other)

        async with storage.begin() as tx:
            assert await tx.sessions.lock(other.id, session.id) is None
            assert not await tx.sessions.end(other.id, session.id, EndReason.LOGOUT, NOW)
        assert await storage.session_state(other.id, session.id, NOW) is None
        assert (
            await storage.renew(make_token(make_session(other, id=session.id)), NOW, FORGIVING)
            is None
        )
        assert await read_session(storage, session) == session

    async def test_live_sessions_are_listed_newest_first(self, storage: Storage) -> None:
        user, other = make_user(), make_user("eve@example.com")
        oldest, newest, middle = (
            make_session(user, created_at=NOW - age * HOUR) for age in (30, 10, 20)
        )
        ended = make_session(user, ended_at=NOW, end_reason=EndReason.LOGOUT)
        expired = make_session(user, expires_at=NOW)
        last_moment = make_session(user, created_at=NOW - 5 * HOUR, expires_at=NOW + TICK)
        await keep(storage, user, oldest, newest, middle, ended, expired, last_moment)
        await keep(storage, other, make_session(other))

        async with storage.reading() as look:
            live = await look.sessions.live(user.id, NOW)

        assert live == [each.public for each in (last_moment, newest, middle, oldest)]

    async def test_a_session_ends_once(self, storage: Storage) -> None:
        user = make_user()
        session, other = make_session(user), make_session(user)
        await keep(storage, user, session, other)

        async with storage.begin() as tx:
            first = await tx.sessions.end(session.user_id, session.id, EndReason.REPLAY, NOW)
        async with storage.begin() as tx:
            second = await tx.sessions.end(
                session.user_id, session.id, EndReason.LOGOUT, NOW + HOUR
            )
            all_of_them = await tx.sessions.end_all(user.id, EndReason.LOGOUT_ALL, NOW + HOUR)

        assert (first, second, all_of_them) == (True, False, 1)
        assert await read_session(storage, session) == replace(
            session, ended_at=NOW, end_reason=EndReason.REPLAY
        )
        assert await read_session(storage, other) == replace(
            other, ended_at=NOW + HOUR, end_reason=EndReason.LOGOUT_ALL
        )

    async def test_of_several_calls_that_end_a_session_one_succeeds(self, storage: Storage) -> None:
        user = make_user()
        session = make_session(user)
        await keep(storage, user, session)
        reasons = [EndReason.LOGOUT, EndReason.REPLAY, EndReason.ENDED_BY_USER]

        async def end(reason: EndReason) -> bool:
            async with storage.begin() as tx:
                return await tx.sessions.end(session.user_id, session.id, reason, NOW)

        answers = await asyncio.gather(*map(end, reasons))

        assert sorted(answers) == [False, False, True]
        kept = await read_session(storage, session)
        assert kept is not None
        assert kept.end_reason is reasons[answers.index(True)]

    async def test_all_sessions_of_a_user_end_and_are_counted(self, storage: Storage) -> None:
        user, other = make_user(), make_user("eve@example.com")
        live = [make_session(user) for _ in range(3)]
        expired = make_session(user, expires_at=NOW - HOUR)
        ended = make_session(user, ended_at=NOW - HOUR, end_reason=EndReason.LOGOUT)
        others = make_session(other)
        await keep(storage, user, *live, expired, ended)
        await keep(storage, other, others)

        async with storage.begin() as tx:
            number = await tx.sessions.end_all(user.id, EndReason.USER_DISABLED, NOW)

        assert number == 4
        for session in [*live, expired]:
            assert await read_session(storage, session) == replace(
                session, ended_at=NOW, end_reason=EndReason.USER_DISABLED
            )
        assert await read_session(storage, ended) == ended
        assert await read_session(storage, others) == others

    async def test_all_sessions_end_but_the_one_to_keep(self, storage: Storage) -> None:
        user = make_user()
        kept, *others = [make_session(user) for _ in range(3)]
        await keep(storage, user, kept, *others)

        async with storage.begin() as tx:
            number = await tx.sessions.end_all(
                user.id, EndReason.PASSWORD_CHANGED, NOW, keep=kept.id
            )

        assert number == 2
        assert await read_session(storage, kept) == kept
        for session in others:
            assert await read_session(storage, session) == replace(
                session, ended_at=NOW, end_reason=EndReason.PASSWORD_CHANGED
            )

    async def test_an_ended_session_stays_ended(self, storage: Storage) -> None:
        user = make_user()
        session = make_session(user, ended_at=NOW - TICK, end_reason=EndReason.LOGOUT)
        await keep(storage, user, session)

        answers = [
            await storage.renew(make_token(session, name), NOW, windows)
            for name in ("t4", "t5", "t6", "t9")
            for windows in (FORGIVING, STRICT)
        ]

        assert answers == [None] * 8
        assert await storage.session_state(session.user_id, session.id, NOW) is None
        assert await read_session(storage, session) == session

    async def test_a_renewal_of_a_locked_session_waits(self, storage: Storage) -> None:
        user = make_user()
        session = make_session(user)
        await keep(storage, user, session)

        async with asyncio.TaskGroup() as tasks, storage.begin() as tx:
            locked = await tx.sessions.lock(session.user_id, session.id)
            renewal = tasks.create_task(storage.renew(make_token(session), NOW, FORGIVING))
            waited = await waits(renewal)
            await tx.sessions.end(session.user_id, session.id, EndReason.REPLAY, NOW)

        assert locked == (session, user)
        assert waited
        assert renewal.result() is None
        assert await read_session(storage, session) == replace(
            session, ended_at=NOW, end_reason=EndReason.REPLAY
        )

    async def test_a_lock_that_waited_returns_the_session_as_committed(
        self, storage: Storage
    ) -> None:
        user = make_user()
        session = make_session(user)
        await keep(storage, user, session)
        ended = replace(session, ended_at=NOW, end_reason=EndReason.LOGOUT)

        async with asyncio.TaskGroup() as tasks, storage.begin() as tx:
            await tx.sessions.end(session.user_id, session.id, EndReason.LOGOUT, NOW)
            other = tasks.create_task(read_session(storage, session))
            waited = await waits(other)

        assert waited
        assert other.result() == ended
