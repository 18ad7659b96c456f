"""Renewals that share a statement on a real PostgreSQL: each gets its own verdict."""

import asyncio
import gc
import logging
import random
import re
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import psycopg
import pytest
from pydantic import SecretStr

from tests.faults.proxy import Proxy
from tests.servers import connections
from tests.storages import PATIENT
from tests.stores.crowded import CrowdedStorage
from tests.waiting import LIMIT_SECONDS, eventually, limit
from tokenpair import Auth, Settings
from tokenpair.backends import make_storage
from tokenpair.core.sessions.mint import TokenPair
from tokenpair.core.sessions.rule import StoredSession
from tokenpair.core.tokens.claims import FullRefreshClaims
from tokenpair.errors import (
    ConfigurationError,
    InvalidInput,
    TokenSuperseded,
    Unavailable,
)
from tokenpair.flows.sessions.judge import Replayed
from tokenpair.ports import Storage
from tokenpair.stores.sql import SqlStorage
from tokenpair.stores.sql.engine import make_backend
from tokenpair.stores.sql.pool import default_pool_size
from tokenpair.stores.sql.postgres.statements import FIXED_PLAN, RENEW_MANY
from tokenpair.stores.sql.postgres.waiting import MAX_BATCH
from tokenpair.stores.sql.timeouts import DEFAULT_TIMEOUTS
from tokenpair.testing import FakeClock, a_user, login_as, make_auth
from tokenpair.testing.store_contract import (
    FORGIVING,
    NOW,
    keep,
    make_session,
    make_token,
    make_user,
)
from tokenpair.testing.store_contract.renewals import RenewalPromises

LANES = 2


@pytest.fixture
async def storage(postgres_url: str) -> AsyncIterator[SqlStorage]:
    storage = SqlStorage.from_url(postgres_url, renewal_lanes=LANES, timeouts=PATIENT)
    await storage.open(migrate=True)
    yield storage
    await storage.close()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def auth(storage: SqlStorage, clock: FakeClock) -> AsyncIterator[Auth]:
    async with make_auth(storage=storage, clock=clock) as auth:
        yield auth


class TestContractTogether(RenewalPromises):
    """Every renewal of the contract shares its statement."""

    @pytest.fixture
    async def storage(self, postgres_url: str) -> AsyncIterator[Storage]:
        storage = CrowdedStorage.to(postgres_url)
        await storage.open(migrate=True)
        yield storage
        await storage.close()


class TestContractAlone(RenewalPromises):
    """No renewal of the contract shares its statement."""

    @pytest.fixture
    async def storage(self, postgres_url: str) -> AsyncIterator[Storage]:
        storage = SqlStorage.from_url(postgres_url, renewal_lanes=0)
        await storage.open(migrate=True)
        yield storage
        await storage.close()


async def answer(doing: Awaitable[object]) -> object:
    (result,) = await asyncio.gather(doing, return_exceptions=True)
    return result


async def add_sessions(storage: Storage, number: int) -> list[StoredSession]:
    user = make_user()
    sessions = [make_session(user) for _ in range(number)]
    await keep(storage, user, *sessions)
    return sessions


async def renew_together(storage: SqlStorage, *tokens: FullRefreshClaims) -> list[object]:
    """Occupy the lanes, so that the tokens share the next statement."""
    user = make_user(f"{random.random()}@example.com")
    first = [make_session(user) for _ in range(LANES)]
    await keep(storage, user, *first)
    crowd = [*(make_token(each) for each in first), *tokens]
    answers = await asyncio.gather(
        *(storage.renew(each, NOW, FORGIVING) for each in crowd), return_exceptions=True
    )
    return list(answers[LANES:])


HOLD = "SELECT 1 FROM tokenpair_session WHERE id = ANY(%s) FOR UPDATE"


@asynccontextmanager
async def row_held(url: str, *session_ids: UUID) -> AsyncIterator[None]:
    async with await psycopg.AsyncConnection.connect(url) as connection:
        await connection.execute(HOLD, [list(session_ids)])
        yield


async def test_each_token_of_a_batch_gets_its_own_verdict(
    auth: Auth, clock: FakeClock, postgres_url: str
) -> None:
    user = await a_user(auth)
    *lanes, good, ended, replayed, superseded = [
        (await login_as(auth, user)).refresh_token for _ in range(LANES + 4)
    ]
    await auth.log_out(ended)
    moved_on, newest = [(await auth.renew(each)).refresh_token for each in (replayed, superseded)]
    clock.advance(minutes=3)
    await auth.renew(moved_on)
    clock.advance(minutes=3)
    await auth.renew(newest)
    clock.advance(seconds=1)

    *_, of_good, of_ended, of_replayed, of_superseded, of_newest = await asyncio.gather(
        *map(auth.renew, [*lanes, good, ended, replayed, superseded, newest]),
        return_exceptions=True,
    )

    assert isinstance(of_good, TokenPair)
    assert str(of_ended) == "logout"
    assert isinstance(of_replayed, Replayed)
    assert isinstance(of_superseded, TokenSuperseded)
    assert isinstance(of_newest, TokenPair)
    assert ended_sessions(postgres_url) == {"logout": 1, "replay": 1}


def ended_sessions(url: str) -> dict[str, int]:
    query = "SELECT end_reason, count(*) FROM tokenpair_session GROUP BY 1 HAVING end_reason <> ''"
    with psycopg.connect(url) as connection:
        return dict(connection.execute(query).fetchall())


async def test_one_token_five_times_at_once_has_one_child(auth: Auth) -> None:
    token = (await login_as(auth, await a_user(auth))).refresh_token

    pairs = await asyncio.gather(*(auth.renew(token) for _ in range(5)))

    assert len({each.refresh_token for each in pairs}) == 1


async def test_a_locked_row_holds_up_no_other_renewal(
    storage: SqlStorage, postgres_url: str
) -> None:
    """Others do not wait for it, on a lane or in a batch, however many present its token."""
    held, *free = await add_sessions(storage, MAX_BATCH)

    async with row_held(postgres_url, held.id):
        waiting = [asyncio.create_task(storage.renew(make_token(held), NOW, FORGIVING))]
        batch = await renew_together(storage, *map(make_token, free[:20]))
        waiting += [
            asyncio.create_task(storage.renew(make_token(held), NOW, FORGIVING)) for _ in range(4)
        ]
        one_by_one = [await storage.renew(make_token(each), NOW, FORGIVING) for each in free[20:]]
        assert not any(each.done() for each in waiting)
    async with limit():
        states = await asyncio.gather(*waiting)

    assert None not in batch + one_by_one
    assert {state.head for state in states if state} == {"t6"}


async def test_a_row_in_the_middle_of_a_batch_is_waited_for_alone(
    storage: SqlStorage, postgres_url: str
) -> None:
    sessions = await add_sessions(storage, MAX_BATCH)
    done = []

    async def renew(session: StoredSession) -> object:
        state = await storage.renew(make_token(session), NOW, FORGIVING)
        done.append(session)
        return state

    async with row_held(postgres_url, sessions[30].id):
        renewals = [asyncio.create_task(renew(each)) for each in sessions]
        await eventually(lambda: len(done) == MAX_BATCH - 1)
        assert sessions[30] not in done
    async with limit():
        assert None not in await asyncio.gather(*renewals)


async def test_of_a_batch_only_the_locked_row_is_sent_alone(postgres_url: str) -> None:
    storage = CrowdedStorage.to(postgres_url)
    await storage.open(migrate=True)
    sessions = await add_sessions(storage, LANES + 20)

    async with row_held(postgres_url, sessions[-1].id):
        renewals = [
            asyncio.create_task(storage.renewals.renew(make_token(each), NOW, FORGIVING))
            for each in sessions
        ]
        await eventually(lambda: sum(each.done() for each in renewals) == LANES + 19)
        alone = storage.renewals.alone
    async with limit():
        await asyncio.gather(*renewals)
    await storage.close()

    assert alone == 1


async def test_presenters_of_one_locked_token_leave_connections_to_others(
    postgres_url: str,
) -> None:
    """There are fewer connections for single statements than presenters."""
    storage = SqlStorage.from_url(postgres_url, pool_size=LANES + 2, timeouts=PATIENT)
    await storage.open(migrate=True)
    held, free, wrong = await add_sessions(storage, 3)

    async with row_held(postgres_url, held.id), limit():
        waiting = [
            asyncio.create_task(storage.renew(make_token(held), NOW, FORGIVING)) for _ in range(8)
        ]
        await eventually(lambda: waits_for_a_row(postgres_url))
        # The wrong value is the error of their batch, so the other one is sent alone, too.
        _, state = await renew_together(
            storage, replace(make_token(wrong), token_id="t\0"), make_token(free)
        )
        assert state == await read_state(storage, free)
        assert not any(each.done() for each in waiting)
    async with limit():
        assert None not in await asyncio.gather(*waiting)
    await storage.close()


def waits_for_a_row(url: str) -> bool:
    """Return whether a renewal waits for one, longer than it may on a lane."""
    query = (
        "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' "
        "AND datname = current_database() AND now() - query_start > interval '0.1 s'"
    )
    with psycopg.connect(url) as connection:
        return connection.execute(query).fetchone() != (0,)


async def test_a_renewal_that_has_waited_for_a_row_leaves_its_connection(
    postgres_url: str,
) -> None:
    """To the next one: on a lane, and alone."""
    storage = SqlStorage.from_url(postgres_url, timeouts=replace(PATIENT, renewal=0.1))
    await storage.open(migrate=True)
    (held,) = await add_sessions(storage, 1)

    async with row_held(postgres_url, held.id), limit():
        assert isinstance(
            await answer(storage.renew(make_token(held), NOW, FORGIVING)), Unavailable
        )
        before = renewing_backends(postgres_url)
        assert isinstance(
            await answer(storage.renew(make_token(held), NOW, FORGIVING)), Unavailable
        )
        after = renewing_backends(postgres_url)
    await storage.close()

    assert len(before) == 2
    assert after == before


def renewing_backends(url: str) -> set[int]:
    query = (
        "SELECT pid FROM pg_stat_activity WHERE datname = current_database() "
        "AND query LIKE '%UPDATE tokenpair_session AS s%' AND pid <> pg_backend_pid()"
    )
    with psycopg.connect(url) as connection:
        return {row[0] for row in connection.execute(query)}


async def test_a_row_that_stays_locked_is_a_503_for_its_own_caller(postgres_url: str) -> None:
    storage = SqlStorage.from_url(postgres_url, timeouts=replace(PATIENT, renewal=0.2))
    await storage.open(migrate=True)
    held, free = await add_sessions(storage, 2)

    async with row_held(postgres_url, held.id), limit():
        of_held, of_free = await renew_together(storage, make_token(held), make_token(free))
    renewed = await read_state(storage, free)
    await storage.close()

    assert isinstance(of_held, Unavailable)
    assert of_free == renewed


async def read_state(storage: SqlStorage, session: StoredSession) -> object:
    return await storage.session_state(session.user_id, session.id, NOW)


async def test_a_value_that_the_database_refuses_is_the_error_of_its_token(
    storage: SqlStorage,
) -> None:
    first, second = await add_sessions(storage, 2)

    wrong, right = await renew_together(
        storage, replace(make_token(first), token_id="t\0"), make_token(second)
    )

    assert isinstance(wrong, InvalidInput)
    assert right == await read_state(storage, second)


async def test_a_batch_whose_answer_is_lost_after_the_commit_is_repeated(
    postgres_url: str, clock: FakeClock
) -> None:
    """The clients hold the children that they would have got."""
    async with Proxy.to(postgres_url) as proxy:
        storage = SqlStorage.from_url(proxy.url, timeouts=PATIENT)
        async with make_auth(storage=storage, clock=clock) as auth:
            user = await a_user(auth)
            tokens = [(await login_as(auth, user)).refresh_token for _ in range(12)]
            await asyncio.gather(*map(auth.renew, tokens))  # The connections are open now.
            tokens = [(await auth.renew(each)).refresh_token for each in tokens]
            clock.advance(minutes=3)

            proxy.lose_answers()
            renewals = [asyncio.create_task(auth.renew(each)) for each in tokens]
            await eventually(lambda: generations(postgres_url)[-LANES:] == [2] * LANES)
            proxy.cut()
            proxy.mend()
            async with limit():
                pairs = await asyncio.gather(*renewals)
            again = [await auth.renew(each) for each in tokens]

    assert generations(postgres_url) == [2] * 12
    assert [each.refresh_token for each in again] == [each.refresh_token for each in pairs]


def generations(url: str) -> list[int]:
    with psycopg.connect(url) as connection:
        rows = connection.execute("SELECT generation FROM tokenpair_session ORDER BY 1")
        return [row[0] for row in rows]


async def test_batches_of_two_workers_never_wait_for_each_other(
    postgres_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Each has the same sessions in an order of its own.

    A lane waits for a lock longer than the server takes to find a deadlock, one second.
    """
    caplog.set_level(logging.INFO)
    patient = replace(PATIENT, lane=LIMIT_SECONDS)
    workers = [
        SqlStorage.from_url(postgres_url, renewal_lanes=2, timeouts=patient) for _ in range(2)
    ]
    await workers[0].open(migrate=True)
    sessions = await add_sessions(workers[0], 400)
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("ANALYZE tokenpair_session")

    for generation in range(6, 26):
        now = NOW + generation * timedelta(minutes=3)
        tokens = [make_token(each, f"t{generation}") for each in sessions]
        race = [
            worker.renew(token, now, FORGIVING)
            for worker in workers
            for token in random.sample(tokens, 150)
        ]
        states = await asyncio.gather(*race)
        assert None not in states
        await asyncio.gather(*(workers[0].renew(each, now, FORGIVING) for each in tokens))

    for worker in workers:
        await worker.close()
    assert "deadlock" not in caplog.text
    assert "are sent again" not in caplog.text
    assert generations(postgres_url) == [25] * 400


async def test_renewals_that_share_statements_need_no_more_connections(
    storage: SqlStorage, postgres_url: str
) -> None:
    sessions = await add_sessions(storage, 100)
    before = connections(postgres_url)

    states = await asyncio.gather(
        *(storage.renew(make_token(each), NOW, FORGIVING) for each in sessions)
    )

    assert None not in states
    assert connections(postgres_url) - before == LANES


@pytest.mark.parametrize("rows", [0, 1000])
async def test_a_batch_finds_sessions_and_users_by_their_primary_keys(
    storage: SqlStorage, postgres_url: str, rows: int
) -> None:
    """Also in a plan that was made while the tables were empty."""
    if rows:
        await add_sessions(storage, rows)
    with psycopg.connect(postgres_url) as connection:
        connection.execute(FIXED_PLAN.encode())
        kinds = "text[], bigint[], timestamptz[], text[], timestamptz[], uuid[], uuid[], bytea[]"
        connection.execute(f"PREPARE many({kinds}, boolean[]) AS {RENEW_MANY}".encode())
        explained = connection.execute(f"EXPLAIN EXECUTE many({', '.join(['NULL'] * 9)})")
        plan = "\n".join(row[0] for row in explained)

    by_key = r"Index Cond: \(\(user_id = \S+\) AND \(id = t\w*\.sid\)\)"
    assert len(re.findall(by_key, plan)) == plan.count(" on tokenpair_session") - 1 == 2
    assert plan.count(" on tokenpair_user") == plan.count("Index Cond: (id = t.sub)") == 1
    assert "Seq Scan" not in plan


@pytest.mark.parametrize("is_open", [True, False], ids=["in statements", "in opening"])
async def test_closing_answers_every_caller_of_a_server_that_hangs(
    postgres_url: str, *, is_open: bool
) -> None:
    """Sooner than the server's response would be given up."""
    patient = replace(PATIENT, close=DEFAULT_TIMEOUTS.close)
    async with Proxy.to(postgres_url) as proxy:
        storage = SqlStorage.from_url(proxy.url, timeouts=patient)
        await storage.open(migrate=True)
        sessions = await add_sessions(storage, 20)
        if is_open:
            await asyncio.gather(
                *(storage.renew(make_token(each), NOW, FORGIVING) for each in sessions)
            )
        proxy.hang()
        renewals = [
            asyncio.create_task(storage.renew(make_token(each), NOW, FORGIVING))
            for each in sessions
        ]
        await asyncio.sleep(0)  # Each has begun.

        async with asyncio.timeout(LIMIT_SECONDS / 4):
            await storage.close()
            answers = await asyncio.gather(*renewals, return_exceptions=True)

        assert {type(each) for each in answers} == {Unavailable}
        proxy.mend()
        await storage.open(migrate=False)
        assert await storage.renew(make_token(sessions[0]), NOW, FORGIVING)
        await storage.close()


async def test_closing_answers_all_who_wait_for_a_row_and_leaves_no_connection(
    postgres_url: str,
) -> None:
    storage = CrowdedStorage.to(postgres_url)
    await storage.open(migrate=True)
    held = await add_sessions(storage, default_pool_size() + 2)
    before = connections(postgres_url)

    async with row_held(postgres_url, *(each.id for each in held)):
        renewals = [
            asyncio.create_task(storage.renewals.renew(make_token(each), NOW, FORGIVING))
            for each in held * 2
        ]
        await eventually(lambda: storage.renewals.alone == len(renewals))
        async with limit():
            await storage.renewals.close()
            answers = await asyncio.gather(*renewals, return_exceptions=True)

    assert {type(each) for each in answers} == {Unavailable}
    await eventually(lambda: connections(postgres_url) == before)
    assert await storage.renewals.renew(make_token(held[0]), NOW, FORGIVING)
    await storage.close()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("is_closed", [True, False], ids=["closed there", "not closed"])
def test_what_an_event_loop_has_left_in_mid_statement_serves_in_another(
    postgres_url: str, *, is_closed: bool
) -> None:
    """Python warns of what the first loop leaves: it cancels no tasks, and closes no sockets."""
    leave_and_go_on(postgres_url, is_closed=is_closed)
    gc.collect()  # So that it warns here, and not in the next test.


def leave_and_go_on(postgres_url: str, *, is_closed: bool) -> None:
    backend = make_backend(postgres_url, timeouts=replace(PATIENT, lane=LIMIT_SECONDS))
    loop = asyncio.new_event_loop()
    left: list[asyncio.Task[object]] = []

    async def log_in() -> list[StoredSession]:
        storage = SqlStorage.from_url(postgres_url)
        await storage.open(migrate=True)
        sessions = await add_sessions(storage, LANES + 3)
        await storage.close()
        return sessions

    async def leave(sessions: list[StoredSession]) -> None:
        left.extend(asyncio.create_task(renew(each)) for each in sessions)
        await eventually(lambda: waits_for_a_row(postgres_url))

    async def renew(session: StoredSession) -> object:
        return await backend.renewals.renew(make_token(session), NOW, FORGIVING)

    async def go_on(sessions: list[StoredSession]) -> None:
        if is_closed:
            await backend.renewals.close()
        async with limit():
            assert None not in await asyncio.gather(*map(renew, sessions))
        await backend.renewals.close()

    sessions = loop.run_until_complete(log_in())
    # Outside of the loop, so that no statement can end in it.
    with psycopg.connect(postgres_url) as connection:
        connection.execute(HOLD, [[each.id for each in sessions[:LANES]]])
        loop.run_until_complete(leave(sessions))
        loop.close()
    asyncio.run(go_on(sessions))


async def shares_a_statement(storage: SqlStorage, url: str) -> bool:
    """Renew some sessions at once; return whether any statement was for more than one."""
    user = make_user(f"{random.random()}@example.com")
    sessions = [make_session(user) for _ in range(LANES + 3)]
    await keep(storage, user, *sessions)
    assert None not in await renew_together(storage, *map(make_token, sessions))
    query = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE %s AND pid <> pg_backend_pid()"
    with psycopg.connect(url) as connection:
        return connection.execute(query, ["%t.jti%"]).fetchone() != (0,)


class TestNodes:
    """Where sessions are distributed over nodes, no statement may touch two users' rows."""

    async def test_a_distributed_table_is_found_at_open(self, postgres_url: str) -> None:
        """With the part of Citus's catalogue that names the distributed tables."""
        with psycopg.connect(postgres_url, autocommit=True) as connection:
            connection.execute("CREATE TABLE pg_dist_partition (logicalrelid regclass)")
            assert await self.shares(postgres_url)
            other = "INSERT INTO pg_dist_partition VALUES ('tokenpair_revocation')"
            connection.execute(other)
            assert await self.shares(postgres_url)
            connection.execute(other.replace("revocation", "session"))
            assert not await self.shares(postgres_url)

    async def shares(self, url: str) -> bool:
        storage = SqlStorage.from_url(url, timeouts=PATIENT)
        await storage.open(migrate=True)
        try:
            return await shares_a_statement(storage, url)
        finally:
            await storage.close()

    async def test_without_lanes_each_renewal_sends_its_own(self, postgres_url: str) -> None:
        settings = Settings(database_url=SecretStr(postgres_url), database_renewal_lanes=0)
        storage = make_storage(settings)
        assert isinstance(storage, SqlStorage)
        await storage.open(migrate=True)

        assert not await shares_a_statement(storage, postgres_url)
        await storage.close()

    def test_fewer_lanes_than_none_are_refused(self, postgres_url: str) -> None:
        with pytest.raises(ConfigurationError, match="renewal_lanes must be 0 or more"):
            SqlStorage.from_url(postgres_url, renewal_lanes=-1)
