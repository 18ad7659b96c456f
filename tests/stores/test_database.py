"""An app's own tables, beside the library's in one database."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import create_async_engine

from tokenpair import Condition, Health
from tokenpair.errors import ConfigurationError, Unavailable
from tokenpair.stores.sql import (
    TOKENPAIR_MIGRATIONS,
    Database,
    Migrations,
    SqlStorage,
    Timeouts,
)

MIGRATIONS = Migrations("bookly:migrations", "bookly_migration")
NOTE = sa.table("note", sa.column("text"))


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "postgres":
        url: str = request.getfixturevalue("postgres_url")
        return url
    return f"sqlite:///{tmp_path}/test.db"


def database_at(url: str, timeouts: Timeouts | None = None) -> Database:
    return Database.from_url(
        url,
        migrations=[MIGRATIONS],
        upgrade_command="my app upgrade",
        timeouts=timeouts or Timeouts(),
    )


@pytest.fixture
async def database(url: str) -> AsyncIterator[Database]:
    database = database_at(url)
    await database.open(migrate=True)
    async with database.writing() as session:
        await session.execute(sa.text("CREATE TABLE note (text TEXT)"))
    yield database
    await database.close()


async def texts(database: Database) -> list[str]:
    async with database.reading() as session:
        return list(await session.scalars(sa.select(NOTE.c.text)))


async def write_and(work: Callable[[], Awaitable[object]], database: Database) -> None:
    async with database.writing() as session:
        await session.execute(NOTE.insert().values(text="lost"))
        await work()


async def raise_an_error() -> None:
    raise ZeroDivisionError


async def test_a_block_that_writes_is_committed_unless_it_raises(database: Database) -> None:
    async with database.writing() as session:
        await session.execute(NOTE.insert().values(text="kept"))
    with pytest.raises(ZeroDivisionError):
        await write_and(raise_an_error, database)

    assert await texts(database) == ["kept"]


async def test_a_reader_sees_what_is_committed_meanwhile(database: Database) -> None:
    async with database.reading() as session:
        before = (await session.scalars(sa.select(NOTE.c.text))).all()
        async with database.writing() as writer:
            await writer.execute(NOTE.insert().values(text="new"))
        after = (await session.scalars(sa.select(NOTE.c.text))).all()

    assert (before, after) == ([], ["new"])


async def test_a_block_that_takes_too_long_is_unavailable_and_changes_nothing(
    url: str, database: Database
) -> None:
    impatient = database_at(url, Timeouts(unit=0.2))

    with pytest.raises(Unavailable):
        await write_and(asyncio.Event().wait, impatient)
    await impatient.close()

    assert await texts(database) == []


async def test_tables_that_are_behind_stop_the_start_and_name_the_command(url: str) -> None:
    database = database_at(url)

    with pytest.raises(ConfigurationError, match="run: my app upgrade") as refused:
        await database.open(migrate=False)
    await database.close()

    assert database.name in str(refused.value)


async def test_it_is_healthy_until_its_tables_are_behind(database: Database) -> None:
    healthy = await database.health()
    async with database.writing() as session:
        await session.execute(sa.text("DELETE FROM bookly_migration"))
    behind = await database.health()

    assert healthy == Health(database=Condition.OK, migrations=Condition.OK)
    assert (behind.database, behind.migrations) == (Condition.OK, Condition.FAILING)
    assert "run: my app upgrade" in behind.reasons[0]


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
async def test_a_database_that_cannot_be_used_is_not_healthy_and_raises_nothing(
    tmp_path: Path, kind: str
) -> None:
    (tmp_path / "test.db").write_text("This file is not a database." * 100)
    url = "postgresql://ada:secret@127.0.0.1:1/app"
    database = Database.from_url(f"sqlite:///{tmp_path}/test.db" if kind == "sqlite" else url)

    health = await database.health()
    await database.close()

    assert (health.database, health.is_ready) == (Condition.FAILING, False)
    assert database.name in health.reasons[0]
    assert "secret" not in health.reasons[0]


async def test_on_sqlite_it_takes_turns_with_the_librarys_writers(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/test.db"
    storage, database = SqlStorage.from_url(url), database_at(url, Timeouts(pool=0.05))
    await storage.open(migrate=True)

    async with storage.begin():
        with pytest.raises(Unavailable, match="timed out waiting for the write lock"):
            async with database.writing():
                raise AssertionError("there is one writer at a time")

    await storage.close()
    await database.close()


@pytest.mark.parametrize("seconds", [0.0004, float("inf")])
def test_a_time_limit_that_postgres_cannot_apply_is_refused(seconds: float) -> None:
    with pytest.raises(ConfigurationError, match="lock"):
        Timeouts(lock=seconds)


async def test_an_engine_with_other_settings_is_refused(tmp_path: Path) -> None:
    """It would migrate without the lock that keeps workers apart."""
    engine = create_async_engine(f"sqlite+aiosqlite:///{tmp_path}/test.db")

    with pytest.raises(ConfigurationError, match="create_engine"):
        await TOKENPAIR_MIGRATIONS.upgrade(engine)
    await engine.dispose()


async def test_on_postgres_a_block_that_writes_has_the_time_limits(postgres_url: str) -> None:
    database = database_at(postgres_url, Timeouts(lock=2, unit=9))

    async with database.writing() as session:
        limits = [
            (await session.execute(sa.text(f"SHOW {name}"))).scalar_one()
            for name in ("lock_timeout", "statement_timeout", "idle_in_transaction_session_timeout")
        ]
    await database.close()

    assert limits == ["2s", "9s", "9s"]


@pytest.mark.parametrize("seconds", [0, -1, float("nan")])
def test_a_time_limit_must_be_positive(seconds: float) -> None:
    with pytest.raises(ConfigurationError, match="pool"):
        Timeouts(pool=seconds)
