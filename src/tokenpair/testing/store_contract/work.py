"""Contract of `ports.Storage`: units of work, session states, health, opening and closing."""
# ruff: noqa: S101, D102  Tests assert, and their names are their docstrings.

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tokenpair.core.accounts.user import StoredUser
from tokenpair.core.health import Condition
from tokenpair.core.sessions.revocation import MARGIN
from tokenpair.core.sessions.rule import (
    EndReason,
    SessionState,
)
from tokenpair.ports import Storage
from tokenpair.testing.store_contract.samples import (
    FORGIVING,
    HOUR,
    NOW,
    TICK,
    keep,
    make_session,
    make_token,
    make_user,
    read_session,
    read_user,
)


class WorkPromises:
    """Units of work, session states, and the storage as a whole."""

    async def test_a_unit_of_work_reads_its_own_writes(self, storage: Storage) -> None:
        user = make_user()
        session = make_session(user)

        async with storage.begin() as tx:
            await tx.users.add(StoredUser(user=user))
            await tx.sessions.add(session)
            await tx.users.set_roles(user.id, frozenset({"admin"}))
            found = await tx.sessions.lock(session.user_id, session.id)

        assert found == (session, replace(user, roles=frozenset({"admin"}), version=1))

    async def test_an_error_rolls_the_whole_unit_of_work_back(self, storage: Storage) -> None:
        user, newcomer = make_user(), make_user("eve@example.com")
        session = make_session(user)
        await keep(storage, user, session)

        async def fail_half_way() -> None:
            async with storage.begin() as tx:
                await tx.users.add(StoredUser(user=newcomer))
                await tx.users.set_roles(user.id, frozenset({"admin"}))
                await tx.users.set_profile(user.id, {"name": "Ada"})
                await tx.sessions.end(session.user_id, session.id, EndReason.LOGOUT, NOW)
                raise LookupError("half-way")

        with pytest.raises(LookupError, match="half-way"):
            await fail_half_way()

        assert await read_user(storage, newcomer) is None
        assert await read_user(storage, user) == user
        assert await read_session(storage, session) == session

    async def test_a_unit_of_work_has_a_connection_or_none(self, storage: Storage) -> None:
        async with storage.begin() as tx:
            if tx.connection is not None:
                await tx.connection.exec_driver_sql("SELECT 1")

    async def test_an_error_after_the_commit_rolls_nothing_back(self, storage: Storage) -> None:
        user = make_user()
        session = make_session(user)
        await keep(storage, user, session)

        async def decide_then_fail() -> None:
            async with storage.begin() as tx:
                await tx.sessions.end(session.user_id, session.id, EndReason.REPLAY, NOW)
            raise LookupError("afterwards")

        with pytest.raises(LookupError, match="afterwards"):
            await decide_then_fail()

        assert await read_session(storage, session) == replace(
            session, ended_at=NOW, end_reason=EndReason.REPLAY
        )

    async def test_a_cancelled_unit_of_work_is_rolled_back_and_releases_its_locks(
        self, storage: Storage
    ) -> None:
        user = make_user()
        session = make_session(user)
        await keep(storage, user, session)
        half_way = asyncio.Event()

        async def never_finish() -> None:
            async with storage.begin() as tx:
                await tx.sessions.end(session.user_id, session.id, EndReason.LOGOUT, NOW)
                half_way.set()
                await asyncio.Event().wait()

        task = asyncio.create_task(never_finish())
        await half_way.wait()
        task.cancel()
        await asyncio.wait({task})

        assert task.cancelled()
        assert await read_session(storage, session) == session
        assert await storage.renew(make_token(session), NOW, FORGIVING) is not None

    async def test_a_read_returns_only_what_is_committed(self, storage: Storage) -> None:
        user = make_user()

        async with storage.begin() as tx:
            await tx.users.add(StoredUser(user=user))
            before = await read_user(storage, user)
        after = await read_user(storage, user)

        assert before is None
        assert after == user

    async def test_a_live_session_has_a_state(self, storage: Storage) -> None:
        user = make_user(roles=frozenset({"admin"}), version=2)
        session = make_session(user, expires_at=NOW + TICK)
        await keep(storage, user, session)

        state = await storage.session_state(session.user_id, session.id, NOW)

        assert state == SessionState.of(session, user)
        assert await read_session(storage, session) == session

    @pytest.mark.parametrize(
        "session_is",
        [
            pytest.param({"expires_at": NOW}, id="expired"),
            pytest.param({"ended_at": NOW, "end_reason": EndReason.LOGOUT}, id="ended"),
        ],
    )
    async def test_a_session_that_is_over_has_no_state(
        self, storage: Storage, session_is: dict[str, Any]
    ) -> None:
        user = make_user()
        session = make_session(user, **session_is)
        await keep(storage, user, session)

        assert await storage.session_state(session.user_id, session.id, NOW) is None

    async def test_a_disabled_users_session_has_no_state(self, storage: Storage) -> None:
        user = make_user(disabled_at=NOW + HOUR)
        session = make_session(user)
        await keep(storage, user, session)

        assert await storage.session_state(session.user_id, session.id, NOW) is None

    async def test_an_open_storage_is_healthy(self, storage: Storage) -> None:
        found = await storage.health(datetime.now(UTC))

        assert (found.database, found.migrations, found.clock) == (Condition.OK,) * 3
        assert found.reasons == ()

    @pytest.mark.parametrize("migrate", [True, False])
    async def test_opening_again_loses_nothing(self, storage: Storage, *, migrate: bool) -> None:
        user = make_user()
        await keep(storage, user)

        await storage.open(migrate=migrate)

        assert await read_user(storage, user) == user

    @pytest.mark.parametrize("hours", [(24, 1), (1, 24), (1, 24, None)], ids=str)
    @pytest.mark.parametrize("is_closed", [True, False], ids=["closed-between", "open"])
    async def test_the_longest_access_lifetime_decides_how_long_a_revocation_lasts(
        self, storage: Storage, hours: tuple[int | None, ...], is_closed: bool
    ) -> None:
        """Another worker may have issued tokens with a longer lifetime than this one's settings."""
        session = make_session(user := make_user())
        await keep(storage, user, session)
        for each in hours:
            await storage.open(migrate=False, access=timedelta(hours=each) if each else None)
            if is_closed:
                await storage.close()
        await storage.open(migrate=False)

        async with storage.begin() as tx:
            await tx.sessions.end(session.user_id, session.id, EndReason.LOGOUT, NOW)

        (entry,) = (await storage.read_feed(None)).entries
        lasting = entry.until - entry.recorded_at
        assert abs(lasting - timedelta(days=1) - MARGIN) < timedelta(milliseconds=5)

    async def test_a_second_close_does_nothing(self, storage: Storage) -> None:
        await storage.close()

        await storage.close()
