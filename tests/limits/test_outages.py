"""Counters that cannot be reached, and what they hold and leave behind."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from tests.faults.test_valkey import RUBBISH
from tests.limits.conftest import KEYRING, CountingPasswords, limited
from tests.ports import reserved_port
from tests.servers import connections
from tests.valkey import ValkeyServer, valkey
from tests.waiting import limit
from tokenpair import Device
from tokenpair.core.limits import SIGN_UP, Place, Taken
from tokenpair.errors import InvalidCredentials, TooManyRequests, Unavailable
from tokenpair.limits.valkey import ValkeyLimits
from tokenpair.ports import Verified
from tokenpair.stores.memory import MemoryStorage
from tokenpair.stores.sql import SqlStorage, create_engine
from tokenpair.stores.sql.tables import limit_table
from tokenpair.testing import PASSWORD, FakeClock, a_user, login_as, make_auth

HOME = Device(ip="192.0.2.1")
NOW = datetime(2026, 1, 1, tzinfo=UTC)


async def test_without_its_valkey_a_log_in_is_unavailable_and_a_renewal_works(
    clock: FakeClock, passwords: CountingPasswords
) -> None:
    with valkey() as server:
        auth = limited(MemoryStorage(), clock, passwords, ValkeyLimits(server.url))
        pair = await login_as(auth, await a_user(auth))
        server.kill()
        before = passwords.compared

        with pytest.raises(Unavailable):
            await auth.log_in(email="ada@example.com", password=PASSWORD, device=HOME)

        assert passwords.compared == before
        pair = await auth.renew(pair.refresh_token)
        server.start()
        assert await auth.log_in(email="ada@example.com", password=PASSWORD, device=HOME)
        await auth.close()


async def test_a_valkey_that_is_restarted_is_found_again(valkey_server: ValkeyServer) -> None:
    """It has lost the counters and the scripts: it stores nothing."""
    counters = ValkeyLimits(valkey_server.url)
    place = Place(limit=SIGN_UP, key=b"restarted")
    await counters.reserve([place], NOW)
    valkey_server.kill()
    valkey_server.start()

    assert await counters.reserve([place], NOW) == [
        Taken(key=b"restarted", ends_at=NOW + SIGN_UP.period)
    ]
    await counters.close()


@asynccontextmanager
async def talking(rubbish: bytes) -> AsyncIterator[int]:
    """Reply to the first message of each connection, and hang up."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(65536)
        writer.write(rubbish)
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        port: int = server.sockets[0].getsockname()[1]
        yield port


@pytest.mark.parametrize("rubbish", RUBBISH.values(), ids=RUBBISH.keys())
async def test_a_valkey_that_sends_garbage_is_unavailable(rubbish: bytes) -> None:
    place = Place(limit=SIGN_UP, key=b"garbage")
    async with talking(rubbish) as port, limit():
        counters = ValkeyLimits(f"valkey://127.0.0.1:{port}")

        with pytest.raises(Unavailable, match=r"cannot be used: \S"):
            await counters.reserve([place], NOW)
        with pytest.raises(Unavailable, match=r"cannot be used: \S"):
            await counters.release([], NOW, clear=[place.key])

        await counters.close()


async def test_an_unreachable_valkey_is_not_named_with_its_password() -> None:
    with reserved_port() as port:
        counters = ValkeyLimits(f"valkey://:secret-canary@127.0.0.1:{port}")

        with pytest.raises(Unavailable) as caught:
            await counters.reserve([Place(limit=SIGN_UP, key=b"away")], NOW)

    assert "canary" not in f"{caught.value} {caught.value.reason}"
    await counters.close()


class AskingPasswords(CountingPasswords):
    """Notes how many locks are held while a password is compared."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self._url = url
        self.seen: list[int] = []

    async def verify(self, password: str, password_hash: str | None) -> Verified:
        self.seen.append(await asyncio.to_thread(locks, self._url))
        return await super().verify(password, password_hash)


def locks(url: str) -> int:
    """Count the locks on the table of counters, in a PostgreSQL database."""
    engine = sa.create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    with engine.connect() as connection:
        found: int = connection.execute(
            sa.text("SELECT count(*) FROM pg_locks WHERE relation = 'tokenpair_limit'::regclass")
        ).scalar_one()
    engine.dispose()
    return found


async def test_no_lock_is_held_while_a_password_is_compared(
    postgres_url: str, clock: FakeClock
) -> None:
    passwords = AskingPasswords(postgres_url)
    async with limited(SqlStorage.from_url(postgres_url), clock, passwords) as auth:
        await a_user(auth)
        with pytest.raises(InvalidCredentials):
            await auth.log_in(email="ada@example.com", password="wrong", device=HOME)
        assert connections(postgres_url) > 0

    assert passwords.seen == [0]


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/test.db"
    found: str = request.getfixturevalue("postgres_url")
    return found


async def rows(url: str) -> list[tuple[object, ...]]:
    engine = create_engine(url, autocommit=True)
    async with engine.connect() as connection:
        found = [tuple(row) for row in await connection.execute(sa.select(limit_table))]
    await engine.dispose()
    return found


async def test_the_rows_name_no_address_and_a_refusal_writes_none(
    url: str, clock: FakeClock, passwords: CountingPasswords
) -> None:
    async with limited(SqlStorage.from_url(url), clock, passwords) as auth:
        for _ in range(5):
            with pytest.raises(InvalidCredentials):
                await auth.log_in(email="ada@example.com", password="wrong", device=HOME)
        full = await rows(url)
        for _ in range(5):
            with pytest.raises(TooManyRequests):
                await auth.log_in(email="ada@example.com", password="wrong", device=HOME)
        after = await rows(url)

    assert len(full) == 3
    assert sorted(map(str, after)) == sorted(map(str, full))
    assert not any(text in str(full) for text in ("ada", "example", "192.0.2", "wrong"))


async def test_rows_are_pruned_when_they_have_ended(url: str, passwords: CountingPasswords) -> None:
    """By both clocks: that of the worker and that of the database."""
    clock = FakeClock(datetime.now(UTC) - timedelta(minutes=5))
    async with limited(SqlStorage.from_url(url), clock, passwords) as auth:
        with pytest.raises(InvalidCredentials):
            await auth.log_in(email="ada@example.com", password="wrong", device=HOME)
        assert await auth.prune() == 0
        clock.advance(minutes=5)

        assert await auth.prune() == 2

        (in_a_row,) = await rows(url)
        assert in_a_row[1] == 1


async def test_a_closed_auth_counts_nothing(tmp_path: Path, passwords: CountingPasswords) -> None:
    auth = make_auth(
        storage=SqlStorage.from_url(f"sqlite:///{tmp_path}/test.db"),
        keyring=KEYRING,
        passwords=passwords,
        limits=True,
    )

    with pytest.raises(Unavailable):
        await auth.log_in(email="ada@example.com", password=PASSWORD, device=HOME)

    assert not (tmp_path / "test.db").exists()
