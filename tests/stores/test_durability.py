"""Committed changes survive a crash. A renewal may be lost; then the next one recovers."""

import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, closing
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa

from tests.servers import PostgresServer, end_connections, postgres
from tests.storages import database_url
from tests.waiting import limit
from tokenpair.core.accounts.user import StoredUser
from tokenpair.core.sessions.rule import EndReason, Session, StoredSession
from tokenpair.core.tokens.claims import FullRefreshClaims
from tokenpair.errors import EmailTaken, SessionEnded, Unavailable
from tokenpair.stores.sql import SqlStorage, Timeouts, create_engine
from tokenpair.testing import FakeClock, a_user, login_as, make_auth, read_mails
from tokenpair.testing.store_contract import (
    FORGIVING,
    NOW,
    SECRET,
    STRICT,
    keep,
    make_session,
    make_token,
    make_user,
    read_session,
    read_user,
)


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return database_url(request, tmp_path)


@pytest.fixture
async def storage(url: str) -> AsyncIterator[SqlStorage]:
    storage = SqlStorage.from_url(url)
    await storage.open(migrate=True)
    yield storage
    await storage.close()


@pytest.fixture
async def stack(storage: SqlStorage) -> AsyncIterator[AsyncExitStack]:
    """Closes what a test opens on `storage`, before `storage` itself."""
    assert storage
    async with AsyncExitStack() as stack:
        yield stack


async def read_anew(url: str, session: Session | StoredSession) -> StoredSession | None:
    """Read the session over a new connection."""
    storage = SqlStorage.from_url(url)
    kept = await read_session(storage, session)
    await storage.close()
    return kept


async def renew_in_turn(storage: SqlStorage, session: StoredSession, times: int) -> None:
    parent = session.head
    for generation in range(1, times + 1):
        token = FullRefreshClaims(
            subject=session.user_id,
            session_id=session.id,
            token_id=f"t{generation}",
            parent=parent,
            generation=generation,
            secret=SECRET,
            issued_at=NOW,
            expires_at=session.expires_at,
        )
        assert await storage.renew(token, NOW, STRICT) is not None
        parent = token.token_id


class TestBothDatabases:
    async def test_other_workers_see_a_renewal_when_it_returns(
        self, url: str, storage: SqlStorage
    ) -> None:
        user = make_user()
        session = make_session(user)
        await keep(storage, user, session)
        other = SqlStorage.from_url(url)

        for generation in range(6, 26):
            await storage.renew(make_token(session, f"t{generation}"), NOW, STRICT)

            state = await other.session_state(session.user_id, session.id, NOW)
            assert state is not None
            assert state.head == f"t{generation}"

        await other.close()

    async def test_the_end_by_replay_survives_its_error(
        self, url: str, storage: SqlStorage, stack: AsyncExitStack
    ) -> None:
        clock = FakeClock()
        auth = await stack.enter_async_context(make_auth(storage=storage, clock=clock))
        user = await a_user(auth)
        tokens = [(await login_as(auth, user)).refresh_token]
        for _ in range(3):
            clock.advance(minutes=3)
            tokens.append((await auth.renew(tokens[-1])).refresh_token)
        (session,) = await auth.list_sessions(user.id)

        with pytest.raises(SessionEnded, match="replay"):
            await auth.renew(tokens[0])

        kept = await read_anew(url, session)
        assert kept is not None
        assert kept.public == replace(session, ended_at=clock(), end_reason=EndReason.REPLAY)

    async def test_a_thousand_renewals_leave_one_row(self, storage: SqlStorage) -> None:
        user = make_user()
        session = make_session(user, head="root", previous=None, generation=0)
        await keep(storage, user, session)

        await renew_in_turn(storage, session, 1000)

        kept = await read_session(storage, session)
        assert kept is not None
        assert (kept.head, kept.previous, kept.generation) == ("t1000", "t999", 1000)


class TestSqlite:
    @pytest.fixture
    def url(self, tmp_path: Path) -> str:
        return f"sqlite:///{tmp_path}/test.db"

    @pytest.mark.parametrize(
        ("pragma", "value"),
        [
            pytest.param("synchronous", 2, id="writes-reach-the-disk"),
            pytest.param("journal_mode", "wal", id="readers-do-not-wait"),
            pytest.param("foreign_keys", 1, id="sessions-go-with-their-user"),
            pytest.param("busy_timeout", 5000, id="writers-wait-for-each-other"),
        ],
    )
    async def test_every_connection_is_safe(
        self, storage: SqlStorage, pragma: str, value: object
    ) -> None:
        async with storage.begin() as tx, storage.reading() as look:
            for each in (tx, look):
                answer = await each.users._connection.exec_driver_sql(f"PRAGMA {pragma}")
                assert answer.scalar_one() == value

    async def test_a_renewal_is_in_the_file_when_it_returns(
        self, storage: SqlStorage, tmp_path: Path
    ) -> None:
        user = make_user()
        session = make_session(user)
        await keep(storage, user, session)

        await storage.renew(make_token(session), NOW, FORGIVING)

        with closing(sqlite3.connect(tmp_path / "test.db")) as connection:
            heads = connection.execute("SELECT head FROM tokenpair_session").fetchall()
        assert heads == [("t6",)]

    async def test_a_read_does_not_wait_for_another_workers_transaction(
        self, url: str, storage: SqlStorage
    ) -> None:
        user = make_user()
        session = make_session(user)
        await keep(storage, user, session)
        other = SqlStorage.from_url(url)

        async with storage.begin() as tx:
            await tx.sessions.end(session.user_id, session.id, EndReason.LOGOUT, NOW)
            async with limit():
                state = await other.session_state(session.user_id, session.id, NOW)

        assert state is not None
        assert await other.session_state(session.user_id, session.id, NOW) is None
        await other.close()


class TestPostgres:
    @pytest.fixture
    def url(self, postgres_url: str) -> str:
        return postgres_url

    async def test_renewals_stay_on_their_page(self, url: str, storage: SqlStorage) -> None:
        """The updates are HOT: they write no index, and the table stays small without vacuum."""
        user = make_user()
        session = make_session(user, head="root", previous=None, generation=0)
        await keep(storage, user, session)

        await renew_in_turn(storage, session, 500)
        await storage.close()

        async with limit():
            while (numbers := await updates(url))[0] < 500:
                pass
        assert numbers[1] / numbers[0] > 0.95


class TestLazyPostgres:
    """On a server with `synchronous_commit = off`, which trades durability for speed."""

    @pytest.fixture(scope="class")
    @classmethod
    def server(cls) -> Iterator[PostgresServer]:
        with postgres(fsync=True) as server:
            with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
                connection.execute("ALTER SYSTEM SET synchronous_commit = off")
                # A commit that need not be durable is written after this time, so a crash loses it.
                connection.execute("ALTER SYSTEM SET wal_writer_delay = '10s'")
                # Its durable commits would save the lazy ones before them.
                connection.execute("ALTER SYSTEM SET autovacuum = off")
            server.kill()
            server.start()
            yield server

    @pytest.fixture
    def url(self, server: PostgresServer) -> str:
        return server.create_database()

    async def test_every_unit_of_work_asks_for_a_durable_commit(self, storage: SqlStorage) -> None:
        setting = sa.text("SHOW synchronous_commit")

        async with storage.reading() as look:
            outside = (await look.users._connection.execute(setting)).scalar_one()
        async with storage.begin() as tx:
            inside = (await tx.users._connection.execute(setting)).scalar_one()

        assert (outside, inside) == ("off", "on")

    async def test_a_log_out_survives_a_crash(
        self, url: str, storage: SqlStorage, server: PostgresServer, stack: AsyncExitStack
    ) -> None:
        auth = await stack.enter_async_context(make_auth(storage=storage))
        user = await a_user(auth)
        pair = await login_as(auth, user)
        (session,) = await auth.list_sessions(user.id)

        await auth.log_out(pair.refresh_token)
        crash(server)

        ended = await read_anew(url, session)
        assert ended is not None
        assert ended.end_reason is EndReason.LOGOUT
        with pytest.raises(SessionEnded):
            await auth.renew(pair.refresh_token)

    async def test_a_lost_renewal_recovers(
        self, url: str, storage: SqlStorage, server: PostgresServer, stack: AsyncExitStack
    ) -> None:
        clock = FakeClock()
        auth = await stack.enter_async_context(make_auth(storage=storage, clock=clock))
        user = await a_user(auth)
        await read_mails(auth)  # The durable commit of a delivery would save earlier renewals, too.
        token = (await login_as(auth, user)).refresh_token
        (session,) = await auth.list_sessions(user.id)
        before = await read_session(storage, session)
        server.hold_wal_writer()
        for _ in range(3):
            clock.advance(minutes=3)
            token = (await auth.renew(token)).refresh_token

        crash(server)
        found = await read_anew(url, session)
        clock.advance(minutes=3)
        token = (await auth.renew(token)).refresh_token
        clock.advance(minutes=3)
        await auth.renew(token)

        assert found == before, "the crash lost no renewal, so this test shows nothing"
        kept = await read_anew(url, session)
        assert kept is not None
        assert kept.generation == 5
        assert kept.ended_at is None

    async def test_renewals_and_reads_are_unavailable_while_the_server_is_down(
        self, storage: SqlStorage, server: PostgresServer
    ) -> None:
        user = make_user()
        session = make_session(user)
        await keep(storage, user, session)
        await storage.session_state(session.user_id, session.id, NOW)

        server.kill()
        try:
            for _ in range(2):  # On an open connection, and on a new one.
                with pytest.raises(Unavailable):
                    await storage.renew(make_token(session), NOW, FORGIVING)
                with pytest.raises(Unavailable):
                    await storage.session_state(session.user_id, session.id, NOW)
                with pytest.raises(Unavailable):
                    await storage.health(NOW)
                with pytest.raises(Unavailable):
                    await read_user(storage, user)
                with pytest.raises(Unavailable):
                    await read_session(storage, session)
        finally:
            server.start()

        assert await storage.renew(make_token(session), NOW, FORGIVING) is not None
        assert await read_user(storage, user) == user

    async def test_a_unit_of_work_on_a_broken_connection_is_unavailable(
        self, url: str, storage: SqlStorage
    ) -> None:
        user = make_user()
        session = make_session(user)
        await keep(storage, user, session)

        async def end_on_a_broken_connection() -> None:
            async with storage.begin() as tx:
                await tx.sessions.end(session.user_id, session.id, EndReason.LOGOUT, NOW)
                end_connections(url)
                await tx.sessions.lock(session.user_id, session.id)

        with pytest.raises(Unavailable):
            await end_on_a_broken_connection()

        assert await read_session(storage, session) == session


def crash(server: PostgresServer) -> None:
    """Kill the server and start it again: what it had not written to disk is lost."""
    server.kill()
    server.start()


async def updates(url: str) -> tuple[int, int]:
    """Return the number of updates of the session table, and of HOT ones among them."""
    async with await psycopg.AsyncConnection.connect(url) as connection:
        row = await (
            await connection.execute(
                """SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables
                WHERE relname = 'tokenpair_session'"""
            )
        ).fetchone()
    assert row is not None
    return row[0], row[1]


async def test_only_its_owner_can_read_a_database_file(tmp_path: Path) -> None:
    path = tmp_path / "private.db"
    storage = SqlStorage.from_url(f"sqlite:///{path}")

    await storage.open(migrate=True)
    await storage.close()

    assert path.stat().st_mode & 0o777 == 0o600


async def test_a_writer_that_waits_too_long_for_the_write_lock_is_unavailable(
    tmp_path: Path,
) -> None:
    storage = SqlStorage.from_url(f"sqlite:///{tmp_path}/test.db", timeouts=Timeouts(pool=0.05))
    await storage.open(migrate=True)

    async with storage.begin():
        with pytest.raises(Unavailable):
            async with storage.begin():
                raise AssertionError("there is one writer at a time")

    async with storage.begin():
        pass  # The write lock was released.
    await storage.close()


async def test_no_error_contains_the_values_of_a_failing_statement(
    url: str, storage: SqlStorage
) -> None:
    """A log of the error contains neither addresses nor hashes."""
    user = StoredUser(user=make_user("canary7f3a@example.com"), password_hash="canary7f3a")
    engine = create_engine(url)
    async with storage.begin() as tx:
        await tx.users.add(user)
        with pytest.raises(EmailTaken) as taken:
            await tx.users.add(user)
    async with engine.begin() as connection:
        with pytest.raises(sa.exc.DBAPIError) as failed:
            await connection.execute(
                sa.text("SELECT :secret FROM nowhere"), {"secret": "canary7f3a"}
            )
    await engine.dispose()

    for error in (taken.value, failed.value):
        assert "canary7f3a" not in f"{error} {error.__cause__}"
    # Its context is the driver's error, which quotes the row, so it must not be shown.
    assert taken.value.__suppress_context__
