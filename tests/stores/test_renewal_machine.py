"""The renewal statement and the pure rule leave equal rows after any history."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import TypeVar
from uuid import UUID

import pytest
import sqlalchemy as sa
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    MultipleResults,
    RuleBasedStateMachine,
    invariant,
    multiple,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.stores.crowded import CrowdedStorage
from tokenpair.core.sessions.mint import Mint
from tokenpair.core.sessions.rule import (
    EndReason,
    StoredSession,
    Verdict,
    Windows,
    hash_secret,
    judge,
    judge_unrenewed,
)
from tokenpair.core.tokens.claims import FullRefreshClaims
from tokenpair.core.tokens.codec import Codec
from tokenpair.core.tokens.key import Key
from tokenpair.core.tokens.keyring import Keyring
from tokenpair.core.tokens.lifetimes import Lifetimes
from tokenpair.ids import uuid7
from tokenpair.ports import Storage
from tokenpair.stores.memory import MemoryStorage
from tokenpair.stores.sql import SqlStorage, create_engine
from tokenpair.stores.sql.sessions import _to_row as to_row
from tokenpair.stores.sql.tables import session_table
from tokenpair.testing import FakeClock
from tokenpair.testing.store_contract import (
    FORGIVING,
    SECRET,
    STRICT,
    keep,
    make_session,
    make_user,
)

_T = TypeVar("_T")

TICK = timedelta(microseconds=1)
# From zero to a day, and every edge of both windows.
SPANS = [
    timedelta(),
    TICK,
    timedelta(seconds=1),
    *(window + by for window in (FORGIVING.repeat, FORGIVING.superseded) for by in (-TICK, TICK)),
    FORGIVING.repeat,
    FORGIVING.superseded,
    FORGIVING.superseded * 2,
    timedelta(days=1),
]


class RenewalMachine(RuleBasedStateMachine):
    """The same history of one user in a database and in memory, where the pure rule decides.

    `history` has each session's rows as they were, newest last: the past that a crash may
    bring back.
    """

    tokens: Bundle[FullRefreshClaims] = Bundle("tokens")

    def __init__(self, runner: asyncio.Runner, storage: SqlStorage, engine: AsyncEngine) -> None:
        super().__init__()
        self.runner = runner
        self.engine = engine
        self.oracle = MemoryStorage()
        self.storage = storage
        self.clock = FakeClock()
        codec = Codec(Keyring([Key.generate()]), issuer="https://a.test", audience="https://a.test")
        self.numbers = iter(range(1, 1_000_000))
        self.mint = Mint(
            codec=codec,
            lifetimes=Lifetimes(),
            windows=FORGIVING,
            random=lambda size: next(self.numbers).to_bytes(size, "big"),
        )
        self.user = make_user(f"{uuid7().hex}@example.com")
        self.newest: list[FullRefreshClaims] = []
        self.history: defaultdict[UUID, list[StoredSession]] = defaultdict(list)
        self.both(lambda storage: keep(storage, self.user))

    @precondition(lambda self: len(self.newest) < 3)
    @rule(target=tokens)
    def log_in(self) -> FullRefreshClaims:
        now = self.clock()
        session = make_session(
            self.user,
            secret_hash=hash_secret(SECRET),
            head=self.mint.new_token_id(),
            previous=None,
            generation=0,
            rotated_at=now - 2 * FORGIVING.superseded,
            created_at=now,
            expires_at=now + timedelta(days=3),
        )

        async def add(storage: Storage) -> None:
            async with storage.begin() as tx:
                await tx.sessions.add(session)

        self.both(add)
        first = FullRefreshClaims(
            subject=self.user.id,
            session_id=session.id,
            token_id=self.mint.new_token_id(),
            parent=session.head,
            generation=1,
            secret=SECRET,
            issued_at=now,
            expires_at=now + timedelta(days=2),
        )
        self.newest.append(first)
        return first

    @rule(target=tokens, token=tokens)
    def renew_with_any_token(self, token: FullRefreshClaims) -> MultipleResults[FullRefreshClaims]:
        return self.renew(token, FORGIVING)

    @precondition(lambda self: self.newest)
    @rule(target=tokens, which=st.integers(min_value=0, max_value=2))
    def renew_with_the_newest(self, which: int) -> MultipleResults[FullRefreshClaims]:
        return self.renew(self.newest[which % len(self.newest)], FORGIVING)

    @rule(target=tokens, token=tokens)
    def renew_strictly(self, token: FullRefreshClaims) -> MultipleResults[FullRefreshClaims]:
        return self.renew(token, STRICT)

    @rule(token=tokens, windows=st.sampled_from([FORGIVING, STRICT]))
    def show(self, token: FullRefreshClaims, windows: Windows) -> None:
        """What a session's state accepts without a lock, the rule accepts too; nothing changes."""
        now = self.clock()

        async def show(storage: Storage) -> bool:
            state = await storage.session_state(token.subject, token.session_id, now)
            return state is not None and state.accepts(token)

        is_accepted = self.both(show)

        (session,) = [each for each in self.both(self.rows) if each.id == token.session_id]
        served = {Verdict.ADVANCE, Verdict.HOLD, Verdict.REPEAT}
        assert not is_accepted or judge_unrenewed(session, token, now, windows) in served

    @rule(span=st.sampled_from(SPANS))
    def wait(self, span: timedelta) -> None:
        self.clock.advance(span)

    @rule(token=tokens, reason=st.sampled_from(EndReason))
    def end(self, token: FullRefreshClaims, reason: EndReason) -> None:
        async def end(storage: Storage) -> bool:
            async with storage.begin() as tx:
                return await tx.sessions.end(token.subject, token.session_id, reason, self.clock())

        self.both(end)

    @rule(is_disabled=st.booleans())
    def disable_or_enable(self, *, is_disabled: bool) -> None:
        async def set_disabled(storage: Storage) -> bool:
            async with storage.begin() as tx:
                at = self.clock() if is_disabled else None
                return await tx.users.set_disabled(self.user.id, at)

        self.both(set_disabled)

    @rule(roles=st.frozensets(st.sampled_from(["admin", "author"])))
    def set_roles(self, roles: frozenset[str]) -> None:
        async def set_roles(storage: Storage) -> bool:
            async with storage.begin() as tx:
                return await tx.users.set_roles(self.user.id, roles)

        self.both(set_roles)

    @rule(token=tokens, back=st.integers(min_value=1, max_value=4))
    def lose_writes(self, token: FullRefreshClaims, back: int) -> None:
        """Restore an earlier row, as a crash does. Renewals may be lost, ends of sessions not."""
        past = self.history[token.session_id]
        if past[-1].ended_at is None:
            del past[max(1, len(past) - back) :]
            self.runner.run(self.put_back(past[-1]))

    @invariant()
    def every_column_is_what_the_rule_says(self) -> None:
        for now in self.both(self.rows):
            past = self.history[now.id]
            if past and past[-1].ended_at:
                assert now == past[-1], "an ended session changed"
            assert not past or past[-1].generation <= now.generation, "a generation fell"
            if not past or past[-1] != now:
                past.append(now)

    @invariant()
    def a_session_is_one_row(self) -> None:
        assert self.runner.run(self.count_rows()) == len(self.newest)

    def renew(
        self, token: FullRefreshClaims, windows: Windows
    ) -> MultipleResults[FullRefreshClaims]:
        now = self.clock()
        if now >= token.expires_at:
            return multiple()
        state = self.both(lambda storage: storage.renew(token, now, windows))
        if state is None:
            self.both(lambda storage: self.refuse(storage, token, windows))
            return multiple()
        if state.head != token.token_id:  # *Hold*: the client keeps its token.
            return multiple()
        child = self.mint.child_of(token, state, now)
        self.newest = [
            child if child.session_id == each.session_id else each for each in self.newest
        ]
        return multiple(child)

    async def refuse(self, storage: Storage, token: FullRefreshClaims, windows: Windows) -> Verdict:
        async with storage.begin() as tx:
            found = await tx.sessions.lock(token.subject, token.session_id)
            assert found is not None
            session, user = found
            verdict = judge(session, token, self.clock(), windows)
            if user.is_enabled and verdict is Verdict.REPLAY:
                await tx.sessions.end(session.user_id, session.id, EndReason.REPLAY, self.clock())
        return verdict

    async def rows(self, storage: Storage) -> list[StoredSession]:
        async with storage.begin() as tx:
            found = [
                await tx.sessions.lock(token.subject, token.session_id) for token in self.newest
            ]
        return [each[0] for each in found if each]

    async def put_back(self, session: StoredSession) -> None:
        self.oracle._tables.sessions[session.user_id, session.id] = session
        async with self.engine.begin() as connection:
            await connection.execute(
                session_table.update()
                .where(session_table.c.id == session.id)
                .values(to_row(session))
            )

    async def count_rows(self) -> int:
        number = sa.select(sa.func.count()).where(session_table.c.user_id == self.user.id)
        async with self.engine.connect() as connection:
            return (await connection.execute(number)).scalar_one()

    def both(self, act: Callable[[Storage], Awaitable[_T]]) -> _T:
        """Do the same with both storages; require equal results."""

        async def act_on_both() -> _T:
            expected = await act(self.oracle)
            assert await act(self.storage) == expected
            return expected

        return self.runner.run(act_on_both())


@pytest.fixture(
    params=[
        "sqlite",
        "postgres",
        "postgres-together",
        pytest.param("postgres-alone", marks=pytest.mark.long),
    ]
)
def url_and_storage(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, SqlStorage]:
    """Return a database, and a storage whose renewals share statements or do not."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path}/test.db"
        return url, SqlStorage.from_url(url)
    url = request.getfixturevalue("postgres_url")
    match request.param:
        case "postgres-together":
            return url, CrowdedStorage.to(url)
        case "postgres-alone":
            return url, SqlStorage.from_url(url, renewal_lanes=0)
        case _:
            return url, SqlStorage.from_url(url)


def test_the_statement_does_what_the_rule_says(url_and_storage: tuple[str, SqlStorage]) -> None:
    url, storage = url_and_storage
    engine = create_engine(url)
    with asyncio.Runner() as runner:
        runner.run(storage.open(migrate=True))

        run_state_machine_as_test(
            # Any callable works, not only a class.
            lambda: RenewalMachine(runner, storage, engine),  # type: ignore[arg-type]
            settings=settings(max_examples=15, stateful_step_count=40),
        )

        runner.run(storage.close())
        runner.run(engine.dispose())
