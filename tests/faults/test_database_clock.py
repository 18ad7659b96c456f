"""The database's clock is an hour off for a while: no token comes back to life."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from tests.faults.worker import Worker, working
from tokenpair import Key, Keyring, TokenPair
from tokenpair.stores.sql import SqlStorage, create_engine
from tokenpair.stores.sql.tables import revocation_table
from tokenpair.testing import a_user, login_as

HOUR = timedelta(hours=1)

# A function that new connections find before PostgreSQL's own.
SKEWED_CLOCK = """
CREATE SCHEMA skewed;
CREATE TABLE skewed.clock (ahead interval);
INSERT INTO skewed.clock VALUES ('0');
CREATE FUNCTION skewed.clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE AS
  'SELECT pg_catalog.clock_timestamp() + ahead FROM skewed.clock';
DO $$ BEGIN EXECUTE format(
  'ALTER DATABASE %I SET search_path = skewed, public, pg_catalog', current_database()); END $$
"""


@pytest.fixture
async def set_clock(busy_url: str) -> Callable[[timedelta], Awaitable[None]]:
    """Set PostgreSQL's clock ahead of the right time."""
    await execute(busy_url, *SKEWED_CLOCK.split(";\n"))

    async def set_to(ahead: timedelta) -> None:
        await execute(busy_url, f"UPDATE skewed.clock SET ahead = '{ahead.total_seconds()} s'")

    return set_to


@pytest.fixture
async def start(busy_url: str) -> AsyncIterator[Callable[[], Awaitable[Worker]]]:
    """Start one more worker."""
    keyring = Keyring([Key.generate()])
    async with AsyncExitStack() as stack:
        yield lambda: stack.enter_async_context(working(busy_url, keyring))


async def execute(url: str, *statements: str) -> None:
    engine = create_engine(url)
    async with engine.begin() as connection:
        for statement in statements:
            await connection.exec_driver_sql(statement)
    await engine.dispose()


async def logged_in(worker: Worker) -> TokenPair:
    return await login_as(worker.auth, await a_user(worker.auth))


async def refuses(worker: Worker, pair: TokenPair) -> bool:
    return await worker.says(pair.access_token) == (401, "session_ended")


@pytest.mark.parametrize("ahead", [HOUR, -HOUR], ids=["ahead", "behind"])
async def test_a_clock_that_is_wrong_for_a_while_brings_no_token_back(
    set_clock: Callable[[timedelta], Awaitable[None]],
    start: Callable[[], Awaitable[Worker]],
    ahead: timedelta,
) -> None:
    """R20."""
    here, there = await start(), await start()
    before, meanwhile = (
        await logged_in(here),
        await login_as(here.auth, await a_user(here.auth, "bob@example.com")),
    )
    await here.auth.log_out(before.access_token)
    await there.auth.feed.poll()

    await set_clock(ahead)
    await here.auth.log_out(meanwhile.access_token)
    assert await here.auth.prune() == 0
    workers = [here, there, await start()]
    for worker in workers:
        worker.auth.feed._loaded_at -= 60  # As after a minute: reload, and forget.
        await worker.auth.feed.poll()
    refused_meanwhile = [
        await refuses(each, pair) for each in workers for pair in (before, meanwhile)
    ]
    await set_clock(timedelta(0))
    assert await here.auth.prune() == 0
    workers.append(await start())
    for worker in workers:
        worker.auth.feed._loaded_at -= 60
        await worker.auth.feed.poll()
    refused_after = [await refuses(each, pair) for each in workers for pair in (before, meanwhile)]

    assert refused_meanwhile == [True] * 6
    assert refused_after == [True] * 8


@pytest.mark.parametrize("ahead", [HOUR, -HOUR], ids=["ahead", "behind"])
@pytest.mark.parametrize("is_set_first", [True, False], ids=["set-first", "recorded-first"])
async def test_what_is_recorded_while_the_clock_is_set_is_read_at_the_next_look(
    set_clock: Callable[[timedelta], Awaitable[None]],
    start: Callable[[], Awaitable[Worker]],
    ahead: timedelta,
    is_set_first: bool,
) -> None:
    here, there = await start(), await start()
    pair = await logged_in(here)
    await there.auth.feed.stop()
    await there.auth.feed.poll()

    if is_set_first:
        await set_clock(ahead)
    await here.auth.log_out(pair.access_token)
    await set_clock(ahead)
    await there.auth.feed.poll()

    assert await refuses(there, pair)


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/test.db"
    url: str = request.getfixturevalue("busy_url")
    return url


@pytest.mark.parametrize("age", [HOUR, 23 * HOUR], ids=str)
async def test_a_row_that_the_last_version_wrote_counts_for_as_long_as_our_tokens_live(
    url: str, age: timedelta
) -> None:
    """R19: it ends by the settings of the process that wrote it, here after six minutes."""
    keyring = Keyring([Key.generate()])
    async with working(url, keyring, access=24 * HOUR) as here:
        pair = await logged_in(here)
        claims = await here.auth.verify_access(pair.access_token)
        recorded_at = datetime.now(UTC) - age
        row = {
            "session_id": claims.session_id,
            "recorded_at": recorded_at,
            "until": recorded_at + timedelta(minutes=6),
        }
        engine = create_engine(url)
        async with engine.begin() as connection:
            await connection.execute(revocation_table.insert().values(row))
        await engine.dispose()
        await here.auth.prune()

        async with working(url, keyring, access=24 * HOUR) as late:
            assert await refuses(late, pair)


async def test_a_shell_with_other_settings_revokes_for_as_long_as_the_workers_tokens_live(
    url: str,
) -> None:
    keyring = Keyring([Key.generate()])
    async with working(url, keyring, access=240 * HOUR) as here:
        pair = await logged_in(here)
        claims = await here.auth.verify_access(pair.access_token)
        shell = SqlStorage.from_url(url)
        await shell.open(migrate=False, access=timedelta(minutes=1))
        async with shell.begin() as tx:
            await tx.users.set_roles(claims.subject, frozenset({"author"}))
        await shell.close()

        engine = create_engine(url)
        async with engine.begin() as connection:
            (until,) = (await connection.scalars(sa.select(revocation_table.c.until))).all()
        await engine.dispose()

    assert until > claims.expires_at
