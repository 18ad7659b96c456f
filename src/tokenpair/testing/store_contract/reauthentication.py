"""Contract of `ports.Sessions.set_authenticated`."""
# ruff: noqa: S101, D102  Tests assert, and their names are their docstrings.

from dataclasses import replace

import pytest

from tokenpair.core.sessions.rule import EndReason, SessionState
from tokenpair.ids import uuid7
from tokenpair.ports import Storage
from tokenpair.testing.store_contract.samples import (
    FORGIVING,
    NOW,
    TICK,
    keep,
    make_session,
    make_token,
    make_user,
    read_session,
)


class ReauthenticationPromises:
    """The latest log-in of a session."""

    @pytest.mark.parametrize(
        "amr", [frozenset(), frozenset({"pwd", "face id"})], ids=["none", "two"]
    )
    async def test_a_live_session_remembers_the_latest_log_in(
        self, storage: Storage, amr: frozenset[str]
    ) -> None:
        user = make_user()
        session, other = make_session(user, amr=frozenset({"hwk"})), make_session(user)
        await keep(storage, user, session, other)

        async with storage.begin() as tx:
            changed = await tx.sessions.set_authenticated(user.id, session.id, amr, NOW)

        expected = replace(session, authenticated_at=NOW, amr=amr)
        assert changed
        assert await read_session(storage, session) == expected
        assert await read_session(storage, other) == other
        assert await storage.session_state(user.id, session.id, NOW) == SessionState.of(
            expected, user
        )
        renewed = await storage.renew(make_token(session), NOW, FORGIVING)
        assert renewed is not None
        assert (renewed.authenticated_at, renewed.amr) == (NOW, amr)

    async def test_no_log_in_is_remembered_for_a_session_that_is_over(
        self, storage: Storage
    ) -> None:
        user, eve = make_user(), make_user("eve@example.com")
        live = make_session(user)
        ended = make_session(user, ended_at=NOW - TICK, end_reason=EndReason.LOGOUT)
        expired = make_session(user, expires_at=NOW)
        await keep(storage, user, live, ended, expired)
        await keep(storage, eve)

        async with storage.begin() as tx:
            changed = [
                await tx.sessions.set_authenticated(*key, frozenset({"pwd"}), NOW)
                for key in [
                    (user.id, ended.id),
                    (user.id, expired.id),
                    (user.id, uuid7()),
                    (eve.id, live.id),
                ]
            ]

        assert changed == [False] * 4
        for session in (live, ended, expired):
            assert await read_session(storage, session) == session
