"""Every statement about sessions names the user, so that they can be distributed by user."""

import re
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.storages import database_url
from tokenpair.core.sessions.rule import EndReason
from tokenpair.ports import Sessions, Storage
from tokenpair.stores.sql import SqlStorage, create_engine
from tokenpair.stores.sql.renewal import RENEW, renewing
from tokenpair.stores.sql.session_state import RETURNING_JOINED
from tokenpair.testing.store_contract import NOW, keep, make_session, make_user

TABLE = re.compile(r"(?:FROM|UPDATE|JOIN|INTO)\s+tokenpair_session\b", re.IGNORECASE)
NAMES_USER = re.compile(r"\bWHERE\b.*\buser_id = (?:\$|\?|:)", re.IGNORECASE | re.DOTALL)
INSERTS = re.compile(r"\s*INSERT INTO tokenpair_session \([^)]*\buser_id\b")

KEY_OF_SQLITE = (
    "SEARCH tokenpair_session USING INDEX sqlite_autoindex_tokenpair_session_1 (user_id=?"
)
KEY_OF_POSTGRESQL = "tokenpair_session_pkey"

Statement = tuple[str, Any]
"""The text of a statement, and its parameters, as the driver gets them."""


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return database_url(request, tmp_path)


@pytest.fixture
async def storage(url: str) -> AsyncIterator[SqlStorage]:
    storage = SqlStorage.from_url(url)
    await storage.open(migrate=True)
    yield storage
    await storage.close()


@contextmanager
def statements_about_sessions() -> Iterator[list[Statement]]:
    """Collect what SQLAlchemy sends: everything but the renewal. Its text is `RENEW`."""
    sent: list[Statement] = []

    def note(_1: Any, _2: Any, text: str, parameters: Any, *_: Any) -> None:
        if TABLE.search(text):
            sent.append((text, parameters))

    sa.event.listen(sa.Engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        sa.event.remove(sa.Engine, "before_cursor_execute", note)


async def use_every_method(storage: Storage) -> set[str]:
    """Use what reads or writes sessions; return the names of the methods of `ports.Sessions`."""
    user = make_user()
    session, other = make_session(user), make_session(user)
    await keep(storage, user, session, other)
    async with storage.begin() as tx:
        assert await tx.sessions.lock(user.id, session.id)
        assert len(await tx.sessions.live(user.id, NOW)) == 2
        assert await tx.sessions.set_authenticated(user.id, other.id, frozenset(), NOW)
        assert await tx.sessions.end(user.id, session.id, EndReason.LOGOUT, NOW)
        assert await tx.sessions.end_all(user.id, EndReason.LOGOUT_ALL, NOW) == 1
    assert await storage.session_state(user.id, other.id, NOW) is None
    return {"add", "lock", "live", "set_authenticated", "end", "end_all"}


def names_user(text: str) -> bool:
    """Does each use of the table, sub-selects included, have the user in a WHERE of its own?"""
    if text.lstrip().startswith("INSERT"):
        return bool(INSERTS.match(text))
    _, *uses = TABLE.split(text)
    return all(NAMES_USER.search(use) for use in uses)


@pytest.mark.parametrize(
    "text",
    [
        "SELECT * FROM tokenpair_session JOIN tokenpair_user ON user_id = ? WHERE id = ?",
        "UPDATE tokenpair_session SET user_id = ? WHERE id = ?",
        "DELETE FROM tokenpair_session WHERE user_id = ? AND id IN "
        "(SELECT id FROM tokenpair_session)",
        "DELETE FROM tokenpair_session WHERE id IN "
        "(SELECT id FROM tokenpair_session WHERE user_id = ?)",
        "INSERT INTO tokenpair_session (id) VALUES (?)",
    ],
)
def test_a_statement_that_does_not_name_the_user_is_found(text: str) -> None:
    assert TABLE.search(text)
    assert not names_user(text)


async def test_every_statement_about_sessions_names_the_user(storage: SqlStorage) -> None:
    with statements_about_sessions() as sent:
        used = await use_every_method(storage)

    assert used == {name for name in vars(Sessions) if not name.startswith("_")}
    assert len(sent) == 8
    assert [text for text, _ in sent if not names_user(text)] == []
    assert names_user(RENEW)


async def test_pruning_locks_the_sessions_of_one_user_at_a_time(storage: SqlStorage) -> None:
    for address in ("ada@example.com", "eve@example.com"):
        user = make_user(address)
        await keep(storage, user, make_session(user, expires_at=NOW - timedelta(days=2)))

    with statements_about_sessions() as sent:
        removed = await storage.prune(NOW, 10)

    assert removed == 2
    assert len(sent) >= 3
    assert [text for text, _ in sent if "FOR UPDATE" in text and not names_user(text)] == []


@pytest.mark.parametrize("url", ["postgres"], indirect=True)
async def test_a_batch_is_no_larger_than_its_limit_by_any_plan(
    storage: SqlStorage, url: str
) -> None:
    """With the planner's choices taken away: a plan that repeats a LIMIT would remove more."""
    with psycopg.connect(url, autocommit=True) as connection:
        (name,) = connection.execute("SELECT current_database()").fetchone() or ("",)
        for choice in ("hashagg", "hashjoin", "mergejoin", "sort", "material", "memoize"):
            connection.execute(f'ALTER DATABASE "{name}" SET enable_{choice} = off'.encode())
    user = make_user()
    over = [make_session(user, expires_at=NOW - timedelta(days=2)) for _ in range(20)]
    await keep(storage, user, *over)
    other = SqlStorage.from_url(url)

    removed = [await other.prune(NOW, 3) for _ in range(8)]
    await other.close()

    assert removed == [3] * 6 + [2, 0]


async def test_statements_find_sessions_by_the_primary_key(storage: SqlStorage, url: str) -> None:
    with statements_about_sessions() as sent:
        await use_every_method(storage)
    looking = [each for each in sent if not each[0].lstrip().startswith("INSERT")]
    engine = create_engine(url)

    plans = [await explain(engine, each) for each in looking]
    await engine.dispose()

    assert len(plans) == 6
    key = KEY_OF_SQLITE if engine.dialect.name == "sqlite" else KEY_OF_POSTGRESQL
    assert [plan for plan in plans if key not in plan] == []


async def explain(engine: AsyncEngine, statement: Statement) -> str:
    text, parameters = statement
    async with engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            how = "EXPLAIN QUERY PLAN "
        else:  # The tables of a test are so small that the planner would use no index.
            await connection.exec_driver_sql("SET enable_seqscan = off")
            how = "EXPLAIN "
        plan = await connection.exec_driver_sql(how + text, parameters)
        return "\n".join(str(row[-1]) for row in plan)


RENEWAL = {
    "jti": "t6",
    "gen": 6,
    "rotate_before": str(NOW),
    "parent": "t5",
    "now": str(NOW),
    "sid": str(UUID(int=1)),
    "sub": str(UUID(int=2)),
    "secret_hash": b"",
    "strict": False,
}


@pytest.mark.usefixtures("storage")
async def test_a_renewal_finds_its_session_by_the_primary_key(url: str) -> None:
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as file:
            plan = file.execute(f"EXPLAIN QUERY PLAN {RENEW}", RENEWAL).fetchall()
        assert any(
            f"{KEY_OF_SQLITE} AND id=?" in row[-1].replace(" s ", " tokenpair_session ")
            for row in plan
        ), plan
        return
    named = re.sub(r"(?<!:):(\w+)", r"%(\1)s", renewing(RETURNING_JOINED))
    with psycopg.connect(url, cursor_factory=psycopg.ClientCursor) as connection:
        connection.execute("SET enable_seqscan = off")
        plan = connection.execute(f"EXPLAIN {named}".encode(), RENEWAL).fetchall()
    assert KEY_OF_POSTGRESQL in str(plan)
