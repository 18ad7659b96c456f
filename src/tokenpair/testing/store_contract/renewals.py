"""Contract of `ports.Storage.renew`: it does what the pure rule says, in one write."""
# ruff: noqa: S101, D102  Tests assert, and their names are their docstrings.

import asyncio
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from tokenpair.core.sessions.rule import (
    EndReason,
    SessionState,
    Verdict,
    Windows,
    advance,
    judge,
)
from tokenpair.ports import Storage
from tokenpair.testing.store_contract.samples import (
    FORGIVING,
    HOUR,
    NOW,
    STRICT,
    TICK,
    G,
    carried_out,
    keep,
    make_session,
    make_token,
    make_user,
    read_session,
)


class RenewalPromises:
    """Renewals: by the rule, and atomic."""

    @pytest.mark.parametrize(
        ("verdict", "name", "parent", "age"),
        [
            pytest.param(Verdict.ADVANCE, "t6", "t5", HOUR, id="advance"),
            pytest.param(Verdict.ADVANCE, "t6", "t5", G + TICK, id="advance-just"),
            pytest.param(Verdict.ADVANCE, "t7", "t6", 0 * G, id="advance-row-one-behind"),
            pytest.param(Verdict.ADVANCE, "t99", "t98", HOUR, id="advance-row-far-behind"),
            pytest.param(Verdict.HOLD, "t6", "t5", G, id="hold-just"),
            pytest.param(Verdict.HOLD, "t6", "t5", 0 * G, id="hold-at-once"),
            pytest.param(Verdict.HOLD, "t6", "t5", -G, id="hold-by-a-clock-behind"),
            pytest.param(Verdict.REPEAT, "t5", "t4", 0 * G, id="repeat-at-once"),
            pytest.param(Verdict.REPEAT, "t5", "t4", HOUR, id="repeat-late"),
            pytest.param(Verdict.SUPERSEDED, "t4", "t3", 0 * G, id="superseded-at-once"),
            pytest.param(Verdict.SUPERSEDED, "t4", "t3", G, id="superseded-just"),
            pytest.param(Verdict.REPLAY, "t4", "t3", G + TICK, id="replay-superseded-late"),
            pytest.param(Verdict.REPLAY, "t3", "t2", 0 * G, id="replay-old"),
            pytest.param(Verdict.REPLAY, "x5", "t4", 0 * G, id="replay-sibling-of-the-head"),
            pytest.param(Verdict.REPLAY, "x5", "t4", HOUR, id="replay-late-sibling-of-the-head"),
            pytest.param(Verdict.REPLAY, "x6", "x5", 0 * G, id="replay-child-of-a-sibling"),
            pytest.param(Verdict.REPLAY, "x6", "x5", HOUR, id="replay-late-child-of-a-sibling"),
            pytest.param(Verdict.REPLAY, "x5", "t5", HOUR, id="replay-child-too-old-for-one"),
        ],
    )
    async def test_a_renewal_follows_the_rule(
        self, storage: Storage, verdict: Verdict, name: str, parent: str, age: timedelta
    ) -> None:
        await _assert_renewal(storage, verdict, name, parent, age=age, windows=FORGIVING)

    @pytest.mark.parametrize(
        ("verdict", "name", "parent", "age"),
        [
            pytest.param(Verdict.ADVANCE, "t6", "t5", HOUR, id="advance"),
            pytest.param(Verdict.ADVANCE, "t6", "t5", 0 * G, id="advance-at-once"),
            pytest.param(Verdict.ADVANCE, "t6", "t5", -G, id="advance-by-a-clock-behind"),
            pytest.param(Verdict.ADVANCE, "t7", "t6", 0 * G, id="advance-row-behind"),
            pytest.param(Verdict.REPLAY, "t5", "t4", 0 * G, id="replay-repeated"),
            pytest.param(Verdict.REPLAY, "t5", "t4", HOUR, id="replay-repeated-late"),
            pytest.param(Verdict.REPLAY, "t4", "t3", 0 * G, id="replay-superseded"),
            pytest.param(Verdict.REPLAY, "x5", "t4", 0 * G, id="replay-sibling-of-the-head"),
            pytest.param(Verdict.REPLAY, "x6", "x5", HOUR, id="replay-child-of-a-sibling"),
        ],
    )
    async def test_a_renewal_follows_the_strict_rule(
        self, storage: Storage, verdict: Verdict, name: str, parent: str, age: timedelta
    ) -> None:
        await _assert_renewal(storage, verdict, name, parent, age=age, windows=STRICT)

    @pytest.mark.parametrize("generation", [1, 4])
    async def test_the_heads_id_in_another_generation_is_not_a_repeat(
        self, storage: Storage, generation: int
    ) -> None:
        user = make_user()
        session = make_session(user)
        token = make_token(session, "t5", generation=generation)
        await keep(storage, user, session)

        state = await storage.renew(token, NOW, FORGIVING)

        assert state is None
        assert await read_session(storage, session) == session

    async def test_the_first_renewal_of_a_session_advances(self, storage: Storage) -> None:
        user = make_user()
        session = make_session(user, head="root", previous=None, generation=0)
        token = make_token(session, "t1", parent="root")
        await keep(storage, user, session)

        state = await storage.renew(token, NOW, FORGIVING)

        advanced = advance(session, token, NOW)
        assert state == SessionState.of(advanced, user)
        assert await read_session(storage, session) == advanced

    @pytest.mark.parametrize(
        ("session_is", "token_has"),
        [
            pytest.param({}, {"secret": bytes(16)}, id="wrong-secret"),
            pytest.param({}, {"subject": UUID(int=1)}, id="wrong-subject"),
            pytest.param({}, {"session_id": UUID(int=1)}, id="unknown-session"),
            pytest.param({"expires_at": NOW}, {}, id="expired-just-now"),
            pytest.param({"expires_at": NOW - HOUR}, {}, id="expired"),
            pytest.param({"ended_at": NOW - HOUR, "end_reason": EndReason.LOGOUT}, {}, id="ended"),
        ],
    )
    async def test_a_refused_renewal_changes_nothing(
        self, storage: Storage, session_is: dict[str, Any], token_has: dict[str, Any]
    ) -> None:
        user = make_user()
        session = make_session(user, **session_is)
        await keep(storage, user, session)

        answers = [
            await storage.renew(make_token(session, name, **token_has), NOW, FORGIVING)
            for name in ("t5", "t6", "t9")
        ]

        assert answers == [None] * 3
        assert await read_session(storage, session) == session

    async def test_a_disabled_users_renewal_changes_nothing(self, storage: Storage) -> None:
        user = make_user(disabled_at=NOW - HOUR)
        session = make_session(user)
        await keep(storage, user, session)

        answers = [
            await storage.renew(make_token(session, name), NOW, FORGIVING)
            for name in ("t5", "t6", "t9")
        ]

        assert answers == [None] * 3
        assert await read_session(storage, session) == session

    async def test_a_session_renews_until_it_expires(self, storage: Storage) -> None:
        user = make_user()
        session = make_session(user, expires_at=NOW + TICK)
        await keep(storage, user, session)

        state = await storage.renew(make_token(session), NOW, FORGIVING)

        assert state is not None
        assert state.expires_at == NOW + TICK

    async def test_a_renewal_returns_the_present_roles(self, storage: Storage) -> None:
        user = make_user(roles=frozenset({"reader"}))
        session = make_session(user)
        await keep(storage, user, session)
        async with storage.begin() as tx:
            await tx.users.set_roles(user.id, frozenset({"admin", "author"}))

        state = await storage.renew(make_token(session), NOW, FORGIVING)

        assert state is not None
        assert (state.roles, state.version) == (frozenset({"admin", "author"}), 1)

    @pytest.mark.parametrize("verified_at", [None, NOW - HOUR], ids=["unverified", "verified"])
    async def test_a_renewal_returns_whether_the_address_is_verified(
        self, storage: Storage, verified_at: datetime | None
    ) -> None:
        user = make_user(email_verified_at=verified_at)
        session = make_session(user)
        await keep(storage, user, session)

        renewed = await storage.renew(make_token(session), NOW, FORGIVING)
        read = await storage.session_state(user.id, session.id, NOW)

        assert renewed is not None
        assert read is not None
        assert renewed.email_verified is read.email_verified is (verified_at is not None)

    @pytest.mark.parametrize(
        "amr",
        [frozenset(), frozenset({"pwd", "otp"}), frozenset({"a, b c", "é"})],
        ids=["none", "two", "other characters"],
    )
    async def test_a_renewal_keeps_how_the_user_authenticated(
        self, storage: Storage, amr: frozenset[str]
    ) -> None:
        user = make_user()
        session = make_session(user, amr=amr)
        await keep(storage, user, session)

        state = await storage.renew(make_token(session), NOW, FORGIVING)

        assert state is not None
        assert state.amr == amr

    async def test_concurrent_renewals_with_one_token_advance_once(self, storage: Storage) -> None:
        """Each call acts on what the first has written, so all return the same state."""
        user = make_user()
        session = make_session(user)
        token = make_token(session)
        await keep(storage, user, session)
        moments = [NOW + number * timedelta(seconds=1) for number in range(8)]

        states = await asyncio.gather(
            *(storage.renew(token, moment, FORGIVING) for moment in moments)
        )

        kept = await read_session(storage, session)
        assert kept is not None
        assert kept.rotated_at in moments
        assert (kept.head, kept.previous, kept.generation) == ("t6", "t5", 6)
        assert set(states) == {SessionState.of(kept, user)}

    async def test_of_two_concurrent_siblings_one_renews(self, storage: Storage) -> None:
        user = make_user()
        session = make_session(user)
        siblings = [make_token(session, "t6"), make_token(session, "x6", parent="t5")]
        await keep(storage, user, session)

        states = await asyncio.gather(
            *(storage.renew(sibling, NOW, FORGIVING) for sibling in siblings)
        )

        assert states.count(None) == 1
        winner = siblings[0] if states[0] else siblings[1]
        assert await read_session(storage, session) == advance(session, winner, NOW)


async def _assert_renewal(
    storage: Storage, verdict: Verdict, name: str, parent: str, *, age: timedelta, windows: Windows
) -> None:
    """Renew a session that rotated `age` ago; compare every column with the pure rule."""
    user = make_user(roles=frozenset({"admin"}), version=2)
    session = make_session(user, rotated_at=NOW - age)
    bystander = make_session(user)
    token = make_token(session, name, parent=parent)
    await keep(storage, user, session, bystander)

    state = await storage.renew(token, NOW, windows)

    assert judge(session, token, NOW, windows) is verdict
    expected = carried_out(session, verdict, token)
    renews = verdict in {Verdict.ADVANCE, Verdict.HOLD, Verdict.REPEAT}
    assert state == (SessionState.of(expected, user) if renews else None)
    assert await read_session(storage, session) == expected
    assert await read_session(storage, bystander) == bystander
