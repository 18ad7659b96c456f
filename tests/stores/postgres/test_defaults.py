"""Defaults of a server, a database or a role on which no statement may depend."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import psycopg
import pytest
import sqlalchemy as sa

from bookly.db import make_database
from tests.waiting import limit
from tokenpair.core.events import RolesChanged
from tokenpair.errors import Unavailable
from tokenpair.stores.sql import SqlStorage, create_engine
from tokenpair.testing.store_contract import (
    FORGIVING,
    NOW,
    keep,
    make_session,
    make_token,
    make_user,
)

ODD_DEFAULTS = {
    "default_transaction_isolation": "serializable",
    "TimeZone": "Europe/Berlin",
    "DateStyle": "German",
    "IntervalStyle": "sql_standard",
    "bytea_output": "escape",
    "lock_timeout": "1ms",
    "statement_timeout": "1min",
}


@pytest.fixture
def odd_url(postgres_url: str) -> str:
    set_defaults(postgres_url, **ODD_DEFAULTS)
    return postgres_url


@pytest.fixture
async def storage(odd_url: str) -> AsyncIterator[SqlStorage]:
    storage = SqlStorage.from_url(odd_url)
    await storage.open(migrate=True)
    yield storage
    await storage.close()


def set_defaults(url: str, **settings: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SET default_transaction_read_only = off")
        for name, value in settings.items():
            database = psycopg.sql.Identifier(connection.info.dbname)
            alter = psycopg.sql.SQL("ALTER DATABASE {} SET {} = {}")
            connection.execute(
                alter.format(database, psycopg.sql.Identifier(name), psycopg.sql.Literal(value))
            )


async def test_what_happens_at_once_works_as_with_usual_defaults(storage: SqlStorage) -> None:
    user = make_user()
    session = make_session(user)
    await keep(storage, user, session)
    changed = 0

    async def change(number: int) -> None:
        nonlocal changed
        async with storage.begin() as tx:
            assert await tx.users.set_roles(user.id, frozenset({f"role-{number}"}))
        changed += 1

    async with limit():
        renewals = [storage.renew(make_token(session), NOW, FORGIVING) for _ in range(10)]
        renewed = await asyncio.gather(*renewals, *(change(number) for number in range(8)))

    assert all(renewed[:10])
    assert changed == 8
    async with storage.reading() as look:
        kept = await look.users.get(user.id)
    assert kept is not None
    assert kept.version == user.version + 8


async def test_the_feed_reads_moments_as_they_were_written(storage: SqlStorage) -> None:
    user = make_user()
    await keep(storage, user)

    async with storage.begin() as tx:
        await tx.record(RolesChanged(user_id=user.id, version=2))
    page = await storage.read_feed(None, reload=False)

    (entry,) = page.entries
    assert abs(page.now - entry.recorded_at) < timedelta(minutes=1)
    assert entry.until.utcoffset() == timedelta(0)


async def test_each_connection_of_an_app_has_the_same_settings(odd_url: str) -> None:
    shown = sa.text("SELECT current_setting('transaction_isolation'), current_setting('TimeZone')")
    database = make_database(odd_url)
    found = set()

    for _ in range(3):  # A connection is used in turns to read and to write.
        async with database.writing() as session:
            found.add(tuple((await session.execute(shown)).one()))
        async with database.reading() as session:
            found.add(tuple((await session.execute(shown)).one()))
    await database.close()

    assert found == {("read committed", "UTC")}


async def test_a_short_time_limit_does_not_stop_a_migration(odd_url: str) -> None:
    """Neither that on a statement, nor that on a lock while another worker migrates."""
    set_defaults(odd_url, statement_timeout="200ms", lock_timeout="1ms")
    first, second = SqlStorage.from_url(odd_url), SqlStorage.from_url(odd_url)
    engine = create_engine(odd_url)

    async with engine.begin() as connection:
        await connection.execute(sa.text("SET LOCAL statement_timeout = 0"))
        await connection.execute(sa.text(f"SELECT pg_advisory_xact_lock({0x746F6B656E706169})"))
        opening = asyncio.gather(first.open(migrate=True), second.open(migrate=True))
        await connection.execute(sa.text("SELECT pg_sleep(0.5)"))
    async with limit():
        await opening

    for each in (first, second):
        await each.close()
    await engine.dispose()


async def test_a_database_that_was_made_read_only_takes_no_writes(
    storage: SqlStorage, odd_url: str
) -> None:
    """As platforms do when a disk is full: nothing may override that."""
    set_defaults(odd_url, default_transaction_read_only="on")
    await storage.close()

    with pytest.raises(Unavailable, match="read-only"):
        await keep(storage, make_user())

    # The connections that exist would keep the old default for ever.
    set_defaults(odd_url, default_transaction_read_only="off")
    await keep(storage, make_user())
