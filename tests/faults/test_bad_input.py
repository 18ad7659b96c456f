"""Invalid requests and invalid rows while a server runs."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
import sqlalchemy as sa

from tests.faults.people import Person, Session, opens, renew
from tests.faults.serving import serving
from tests.faults.worker import Worker, working
from tests.http.conftest import bearer, told
from tests.waiting import eventually
from tokenpair import AccessClaims, Auth, Edge, Key, Keyring
from tokenpair.core.tokens.claims import FullRefreshClaims
from tokenpair.errors import SessionEnded
from tokenpair.fastapi.transport.header import access_claims
from tokenpair.passwords import Argon2Passwords
from tokenpair.stores.memory import MemoryStorage
from tokenpair.stores.sql import create_engine
from tokenpair.stores.sql.tables import revocation_table, session_table
from tokenpair.testing import CHEAP, FakeClock, a_user, login_as


async def test_a_broken_key_file_is_reported_and_the_old_keys_stay_in_use(
    tmp_path: Path,
) -> None:
    keys = tmp_path / "keys.json"
    with serving(tmp_path) as bookly:
        async with bookly.lines() as (line,):
            session = await (await Person.signed_up(line)).log_in(line)
            good = keys.read_bytes()

            keys.write_bytes(b'{"keys": [garbage')

            await eventually(lambda: "keys.json is not JSON" in bookly.log.read_text())
            renewed = Session.of(await renew(line, session.refresh))
            said = [await opens(line, each.access) for each in (session, renewed)]
            keys.write_bytes(good)
            await eventually(lambda: "has been read again" in bookly.log.read_text())
            later = await opens(line, renewed.access)

    assert said == ["", ""]
    assert later == ""
    assert "garbage" not in bookly.log.read_text()


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/test.db"
    url: str = request.getfixturevalue("busy_url")
    return url


@pytest.fixture
async def worker(url: str) -> AsyncIterator[Worker]:
    async with working(url, Keyring([Key.generate()])) as worker:
        yield worker


async def test_a_token_of_a_session_that_never_was_opens_nothing_and_leaves_nothing(
    worker: Worker, url: str
) -> None:
    """Correctly signed: by an attacker with a key, or before the database was restored."""
    access, refresh = tokens_of_nobody(worker)

    answers = [
        await worker.renew(refresh),
        await worker.client.get("/auth/me", headers=bearer(access)),
    ]
    listed = await worker.client.get("/auth/sessions", headers=bearer(access))
    log_outs = [
        await worker.client.post(path, headers=bearer(access))
        for path in ("/auth/logout", "/auth/logout/all", "/auth/logout/others")
    ]
    with pytest.raises(SessionEnded):
        await worker.auth.verify_access(access, check_session=True)

    assert [told(answer) for answer in answers] == [(401, "session_ended")] * 2
    assert listed.json() == []
    assert [answer.status_code for answer in log_outs] == [204] * 3
    assert await count(url, revocation_table) == 0
    assert await count(url, session_table) == 0


def tokens_of_nobody(worker: Worker) -> tuple[str, str]:
    now = worker.auth.clock()
    access = AccessClaims(
        subject=uuid4(),
        session_id=uuid4(),
        token_id="access",
        issued_at=now,
        expires_at=now + timedelta(minutes=10),
        roles=frozenset({"admin"}),
        version=7,
        authenticated_at=now,
    )
    refresh = FullRefreshClaims(
        subject=access.subject,
        session_id=access.session_id,
        token_id="refresh",
        issued_at=now,
        expires_at=now + timedelta(minutes=10),
        parent="parent",
        generation=5,
        secret=b"x" * 16,
    )
    return worker.auth._parts.codec.encode(access), worker.auth._parts.codec.encode(refresh)


async def count(url: str, table: sa.Table) -> int:
    engine = create_engine(url)
    async with engine.begin() as connection:
        found = (await connection.execute(sa.select(sa.func.count()).select_from(table))).scalar()
    await engine.dispose()
    return int(found or 0)


async def test_a_thousand_tokens_through_the_cache_leave_it_as_small_as_it_was_to_be() -> None:
    auth = Auth(
        storage=MemoryStorage(),
        keyring=Keyring([Key.generate()]),
        issuer="https://auth.test",
        passwords=Argon2Passwords(CHEAP),
        clock=FakeClock(),
        edge=Edge(token_cache_size=100),
    )
    pair = await login_as(auth, await a_user(auth))
    tokens = [(await auth.renew(pair.refresh_token)).access_token for _ in range(1000)]

    sizes = []
    for token in tokens:
        await access_claims(auth, f"Bearer {token}".encode())
        sizes.append(len(auth.verified))

    assert len(set(tokens)) == 1000
    assert max(sizes) == 100
    assert [await auth.verify_access(token) for token in (tokens[0], tokens[-1])]
