"""The feed on real databases: its entries may be late, unreadable, or many."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, closing, suppress
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa

from tests.storages import database_url
from tests.waiting import limit
from tokenpair import AccessClaims
from tokenpair.core.sessions.rule import EndReason
from tokenpair.errors import SessionEnded, StaleToken, Unavailable
from tokenpair.feed import Feed
from tokenpair.stores.sql import SqlStorage, create_engine
from tokenpair.stores.sql.expressions import now
from tokenpair.stores.sql.tables import revocation_table
from tokenpair.testing.store_contract import NOW, keep, make_session, make_user

FOR_EVER = timedelta(days=1)


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return database_url(request, tmp_path)


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[SqlStorage]:
    storage = SqlStorage.from_url(url)
    await storage.open(migrate=True)
    yield storage
    await storage.close()


@pytest.fixture
async def elsewhere(url: str) -> AsyncIterator[SqlStorage]:
    """Return another worker's storage."""
    async with opened(url) as storage:
        yield storage


@asynccontextmanager
async def following(storage: SqlStorage, poll: timedelta = FOR_EVER) -> AsyncIterator[Feed]:
    feed = Feed(storage, poll=poll, max_staleness=FOR_EVER)
    await feed.start()
    yield feed
    await feed.stop()


@pytest.fixture
async def stack() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as stack:
        yield stack


@pytest.fixture
async def feed(url: str, elsewhere: SqlStorage) -> AsyncIterator[Feed]:
    """Return a feed that polls only when the test calls it."""
    assert elsewhere  # Which has made the tables.
    async with opened(url) as storage, following(storage) as feed:
        yield feed


def claims(session_id: UUID, user_id: UUID | None = None) -> AccessClaims:
    return AccessClaims(
        subject=user_id or uuid4(),
        session_id=session_id,
        token_id="token",
        issued_at=NOW,
        expires_at=NOW + timedelta(minutes=10),
        roles=frozenset(),
        version=0,
        authenticated_at=NOW,
    )


async def insert(url: str, *rows: dict[str, Any]) -> None:
    """Write entries that are not as we write them."""
    engine = create_engine(url)
    moments = {
        "recorded_at": now(),
        "until": now(plus=timedelta(minutes=5)),
        "xid": sa.text("0" if "sqlite" in url else "pg_current_xact_id()::text::bigint"),
    }
    async with engine.begin() as connection:
        for row in rows:
            await connection.execute(revocation_table.insert().values(moments | row))
    await engine.dispose()


async def execute(url: str, statement: str) -> None:
    engine = create_engine(url)
    async with engine.begin() as connection:
        await connection.execute(sa.text(statement))
    await engine.dispose()


async def test_an_entry_that_cannot_be_read_is_logged_and_no_later_poll_skips_it(
    url: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Only tokenpair writes this table. While it cannot be read, workers fail closed."""
    minutes = "'292000-01-01', '292000-01-02'" if "postgres" in url else "'once', 'upon a time'"
    columns = "session_id, recorded_at, until, xid"
    async with opened(url) as storage, following(storage, timedelta(milliseconds=10)) as feed:
        values = f"'{uuid4()}', {minutes}, 9000000000000000000"
        await execute(url, f"INSERT INTO tokenpair_revocation ({columns}) VALUES ({values})")
        await until(lambda: bool(caplog.messages))
        with pytest.raises((ValueError, OverflowError)):
            await feed.poll()
        await execute(url, "DELETE FROM tokenpair_revocation")

        await until(lambda: "the revocations can be read again" in caplog.messages)

    assert caplog.messages[0] == "the revocations cannot be read"


async def test_a_look_that_fails_by_a_bug_is_not_the_last(
    url: str, elsewhere: SqlStorage, caplog: pytest.LogCaptureFixture
) -> None:
    """For example an operator's change of the tables."""
    user = make_user()
    session = make_session(user)
    await keep(elsewhere, user, session)
    async with opened(url) as storage, following(storage, timedelta(milliseconds=10)) as feed:
        await execute(url, "ALTER TABLE tokenpair_revocation RENAME TO elsewhere")
        await until(lambda: bool(caplog.messages))
        await execute(url, "ALTER TABLE elsewhere RENAME TO tokenpair_revocation")

        async with elsewhere.begin() as tx:
            await tx.sessions.end(session.user_id, session.id, EndReason.LOGOUT, NOW)

        await until(lambda: len(feed) == 1)
    assert "the revocations can be read again" in caplog.messages


@pytest.mark.parametrize("url", ["postgres"], indirect=True)
async def test_what_is_committed_late_and_out_of_order_is_not_missed(
    elsewhere: SqlStorage, feed: Feed
) -> None:
    """SQLite has one writer, and so one order."""
    user = make_user()
    sessions = [make_session(user) for _ in range(4)]
    await keep(elsewhere, user, *sessions)
    last, first, *between = sessions

    async with AsyncExitStack() as slowest:
        tx = await slowest.enter_async_context(elsewhere.begin())
        await tx.sessions.end(last.user_id, last.id, EndReason.LOGOUT, NOW)
        async with AsyncExitStack() as slow:
            tx = await slow.enter_async_context(elsewhere.begin())
            await tx.sessions.end(first.user_id, first.id, EndReason.LOGOUT, NOW)
            for session in between:
                async with elsewhere.begin() as tx:
                    await tx.sessions.end(session.user_id, session.id, EndReason.LOGOUT, NOW)
                await feed.poll()
            before = len(feed)
        await feed.poll()
        await feed.poll()
        meanwhile = len(feed)
    await feed.poll()

    assert (before, meanwhile, len(feed)) == (2, 3, 4)


async def test_changes_of_one_user_that_come_out_of_order_leave_the_highest(
    url: str, feed: Feed
) -> None:
    user_id = uuid4()
    await insert(url, *({"user_id": user_id, "min_version": each} for each in (1, 3, 2)))

    await feed.poll()

    assert len(feed) == 1
    with pytest.raises(StaleToken):
        feed.require_unrevoked(claims(uuid4(), user_id))


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("lost", [1, 2, 3], ids=["overtaken", "as-far", "behind"])
async def test_after_a_backup_was_restored_nothing_is_missed(
    url: str, tmp_path: Path, elsewhere: SqlStorage, feed: Feed, lost: int
) -> None:
    """SQLite's own way of restoring keeps connections open; ids go back, and are used again."""
    path, (before, *gone) = f"{tmp_path}/test.db", [uuid4() for _ in range(1 + lost)]
    after = [uuid4() for _ in range(2)]
    await insert(url, {"session_id": before})
    copy(path, f"{tmp_path}/backup.db")
    await insert(url, *({"session_id": each} for each in gone))
    await feed.poll()

    copy(f"{tmp_path}/backup.db", path)
    await insert(url, *({"session_id": each} for each in after))
    await feed.poll()

    assert elsewhere
    for session_id in after:
        with pytest.raises(SessionEnded):
            feed.require_unrevoked(claims(session_id))


def copy(path: str, to: str) -> None:
    with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(to)) as target:
        source.backup(target)


# As in a history that began anew: the number of its transaction has long been passed.
LOW = {"xid": 3}


@pytest.mark.parametrize("url", ["postgres"], indirect=True)
async def test_over_a_new_connection_everything_is_read(url: str, feed: Feed) -> None:
    """All that sets the transaction counter back closes the connections."""
    ended = uuid4()
    await insert(url, {"session_id": ended, **LOW})
    await feed.poll()
    feed.require_unrevoked(claims(ended))

    await execute(url, END_ALL_OTHERS)
    with suppress(Unavailable):  # If it is not noticed before.
        await feed.poll()
    await feed.poll()

    with pytest.raises(SessionEnded):
        feed.require_unrevoked(claims(ended))


END_ALL_OTHERS = """SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()"""


@pytest.mark.parametrize("url", ["postgres"], indirect=True)
@pytest.mark.parametrize("other", ["connection", "server", "count", "clock-ahead", "clock-behind"])
async def test_a_position_from_elsewhere_is_none(
    url: str, elsewhere: SqlStorage, other: str
) -> None:
    """A pooler may keep a connection while the server behind it is another.

    Where the server's clock was set, what was recorded before seems to be older or newer.
    """
    await insert(url, {"session_id": uuid4(), **LOW})
    page = await elsewhere.read_feed(None)
    connection, started, count, now, seconds = page.position
    position = {
        "connection": (object(), started, count, now, seconds),
        "server": (connection, started - timedelta(seconds=1), count, now, seconds),
        "count": (connection, started, count + 1000, now, seconds),
        "clock-ahead": (connection, started, count, now - timedelta(hours=1), seconds),
        "clock-behind": (connection, started, count, now + timedelta(hours=1), seconds),
    }[other]

    found = await elsewhere.read_feed(position)

    assert len((await elsewhere.read_feed(page.position)).entries) == 0
    assert len(found.entries) == len(page.entries) == 1


async def test_what_was_out_of_force_long_ago_never_is_news(
    url: str, elsewhere: SqlStorage
) -> None:
    """It would look like a revocation that took a quarter of an hour to arrive."""
    long_ago = {
        "recorded_at": now(plus=timedelta(minutes=-20)),
        "until": now(plus=timedelta(minutes=-5)),
    }
    await insert(url, {"session_id": uuid4(), **long_ago})
    async with following(elsewhere) as feed:
        await insert(url, {"session_id": uuid4()})
        await feed.poll()

    assert feed.heard == 1
    assert max(feed.lags) < 60


MANY = 100_000
INSERT_MANY = {
    "sqlite": """INSERT INTO tokenpair_revocation (session_id, recorded_at, until)
        WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {n})
        SELECT printf('%032x', n), strftime('%Y-%m-%d %H\\:%M\\:%f000', 'now'),
            strftime('%Y-%m-%d %H\\:%M\\:%f000', 'now', '+900 seconds') FROM numbers""",
    "postgresql": """INSERT INTO tokenpair_revocation (session_id, recorded_at, until, xid)
        SELECT lpad(to_hex(n), 32, '0')::uuid, clock_timestamp(),
            clock_timestamp() + interval '15 minutes', pg_current_xact_id()::text::bigint
        FROM generate_series(1, {n}) AS n""",
}


async def test_a_hundred_thousand_revocations_at_once_are_known_and_requests_go_on(
    url: str, feed: Feed
) -> None:
    await execute(url, INSERT_MANY[url.partition(":")[0]].format(n=MANY))
    sizes: list[int] = []

    async def take_turns() -> None:
        while True:
            sizes.append(len(feed))
            await asyncio.sleep(0)

    requests = asyncio.create_task(take_turns())
    await feed.poll()
    await asyncio.sleep(0)
    requests.cancel()

    assert len(feed) == MANY
    feed.require_unrevoked(claims(UUID(int=MANY + 1)))
    for number in (1, MANY // 2, MANY):
        with pytest.raises(SessionEnded):
            feed.require_unrevoked(claims(UUID(int=number)))
    # However many there are, other tasks have a turn after each thousand.
    assert max(after - before for before, after in pairwise(sizes)) <= 1000


async def until(condition: Callable[[], bool]) -> None:
    async with limit():
        while not condition():
            await asyncio.sleep(0.01)
