"""Health names the part that fails, within seconds."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa

from tests.waiting import limit
from tokenpair import Auth, Condition, FeedOptions, Health, Key, Keyring
from tokenpair.errors import Unavailable
from tokenpair.stores.memory import MemoryStorage
from tokenpair.stores.sql import SqlStorage, create_engine
from tokenpair.stores.sql.storage import clocks_agree
from tokenpair.testing import make_auth

OK, FAILING, UNKNOWN = Condition.OK, Condition.FAILING, Condition.UNKNOWN
NOW = datetime(2026, 1, 1, tzinfo=UTC)


class AwayStorage(MemoryStorage):
    """A storage that cannot be reached."""

    async def health(self, now: datetime) -> Health:
        raise Unavailable(f"postgresql://db.internal does not answer at {now}")


class SilentStorage(MemoryStorage):
    """A storage that accepts every request and answers none."""

    async def health(self, now: datetime) -> Health:
        await asyncio.Event().wait()
        return await super().health(now)


class SharedStorage(MemoryStorage):
    """A storage that other processes write to."""

    is_private = False


def parts(health: Health) -> tuple[Condition, ...]:
    return (health.database, health.migrations, health.clock, health.feed)


async def test_all_is_well(tmp_path: Path) -> None:
    async with make_auth(storage=SqlStorage.from_url(f"sqlite:///{tmp_path}/test.db")) as auth:
        health = await auth.health()
        await auth.require_ready()

    assert health == Health(database=OK, migrations=OK, clock=OK, feed=OK)
    assert health.is_ready


async def test_what_cannot_be_reached_is_the_database_and_the_rest_is_not_known() -> None:
    auth = make_auth(storage=AwayStorage())

    health = await auth.health()

    assert parts(health) == (FAILING, UNKNOWN, UNKNOWN, OK)
    assert not health.is_ready
    with pytest.raises(Unavailable, match=r"db\.internal does not answer"):
        await auth.require_ready()


async def test_tables_that_may_not_be_read_are_not_reported_as_outdated(postgres_url: str) -> None:
    ours = SqlStorage.from_url(postgres_url)
    await ours.open(migrate=True)
    await ours.close()
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("CREATE ROLE guest LOGIN")
    guests = SqlStorage.from_url(postgres_url.replace("//postgres@", "//guest@"))

    with pytest.raises(Unavailable, match="cannot be read: grant SELECT"):
        await guests.health(datetime.now(UTC))
    await guests.close()
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("DROP ROLE guest")


async def test_a_database_that_does_not_answer_fails_the_check_in_time() -> None:
    observer = replace(make_auth(storage=SilentStorage())._observer, health_seconds=0.01)

    async with limit():
        health = await observer.health()

    assert parts(health) == (FAILING, UNKNOWN, UNKNOWN, OK)
    assert "has not answered" in health.reasons[0]


async def test_a_worker_that_cannot_tell_what_is_revoked_is_not_ready() -> None:
    auth = Auth(
        storage=SharedStorage(),
        keyring=Keyring([Key.generate()]),
        issuer="https://auth.test",
        feed_options=FeedOptions(poll=timedelta(days=1), max_staleness=timedelta(0)),
    )

    async with auth:
        health = await auth.health()

    assert parts(health) == (OK, OK, OK, FAILING)
    assert not health.is_ready


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("DROP TABLE tokenpair_migration", FAILING),
        ("DELETE FROM tokenpair_migration", FAILING),
        ("UPDATE tokenpair_migration SET version_num = 'of_tomorrow'", UNKNOWN),
    ],
)
async def test_tables_of_another_version_are_told(
    tmp_path: Path, statement: str, expected: Condition
) -> None:
    """While workers are replaced, both versions run on the newer tables."""
    url = f"sqlite:///{tmp_path}/test.db"
    engine = create_engine(url)
    async with make_auth(storage=SqlStorage.from_url(url)) as auth:
        async with engine.begin() as connection:
            await connection.execute(sa.text(statement))
        await engine.dispose()

        health = await auth.health()

    assert parts(health) == (OK, expected, OK, OK)
    assert health.is_ready is (expected is UNKNOWN)


@pytest.mark.parametrize(
    ("drift", "waited", "agree"),
    [(2, 0, True), (2.1, 0, False), (-2, 0, True), (-2.1, 0, False), (4, 2, True), (-3, 2, False)],
)
def test_the_time_that_the_answer_took_is_no_drift(
    drift: float, waited: float, agree: bool
) -> None:
    theirs = NOW + timedelta(seconds=drift)

    assert clocks_agree(NOW, theirs, timedelta(seconds=waited)) is agree


@pytest.mark.parametrize(("ahead", "expected"), [(-1.6, OK), (3.9, FAILING)])
async def test_nor_is_the_time_that_the_check_of_the_setup_took(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch, ahead: float, expected: Condition
) -> None:
    """Through a pooler it asks several questions, and a busy server may take seconds for them.

    Nor does that time hide a drift.
    """
    storage = SqlStorage.from_url(postgres_url)
    await storage.open(migrate=True)

    async def take_long(*, at_start: bool) -> None:
        assert not at_start
        await asyncio.sleep(2)

    monkeypatch.setattr(storage._backend, "setup_problem", take_long)
    health = await storage.health(datetime.now(UTC) + timedelta(seconds=ahead))
    await storage.close()

    assert health.clock is expected
