"""The password again: the session goes on, with a new time of log-in."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from tests.flows.sessions.test_open_session import OtherProof, change_password, password_proof
from tests.storages import make_storage
from tokenpair import AccessClaims, Auth, Device, TokenPair, User
from tokenpair.core.events import Event, Reauthenticated
from tokenpair.errors import SessionEnded, WrongPassword
from tokenpair.flows.sessions.open_session import OpenSession
from tokenpair.ids import uuid7
from tokenpair.lifecycle import Lifecycle, OpenStorage
from tokenpair.passwords import Argon2Passwords
from tokenpair.ports import Storage
from tokenpair.ports.passwords import Verified
from tokenpair.testing import CHEAP, PASSWORD, FakeClock, a_user, login_as, make_auth
from tokenpair.testing.store_contract import read_session

HOUR = timedelta(hours=1)


class Passwords(Argon2Passwords):
    """The real hasher. `meanwhile` happens once, after a password has been compared."""

    meanwhile: Callable[[], Awaitable[object]] | None = None

    async def verify(self, password: str, password_hash: str | None) -> Verified:
        verified = await super().verify(password, password_hash)
        if happens := self.meanwhile:
            self.meanwhile = None
            await happens()
        return verified


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Storage:
    return make_storage(request, tmp_path)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def passwords() -> Passwords:
    return Passwords(CHEAP)


@pytest.fixture
async def auth(storage: Storage, clock: FakeClock, passwords: Passwords) -> AsyncIterator[Auth]:
    async with make_auth(storage=storage, clock=clock, passwords=passwords) as auth:
        yield auth


@pytest.fixture
async def ada(auth: Auth) -> User:
    return await a_user(auth)


@pytest.fixture
async def pair(auth: Auth, ada: User, clock: FakeClock) -> TokenPair:
    """Log in, an hour ago."""
    pair = await login_as(auth, ada)
    clock.advance(HOUR)
    return await auth.renew(pair.refresh_token)


@pytest.fixture
async def claims(auth: Auth, pair: TokenPair) -> AccessClaims:
    return await auth.verify_access(pair.access_token)


async def test_the_new_access_token_is_the_sessions_and_says_when(
    auth: Auth, clock: FakeClock, claims: AccessClaims
) -> None:
    issued = await auth.reauthenticate(claims, PASSWORD)

    new = await auth.verify_access(issued.access_token, check_session=True)
    assert claims.authenticated_at == clock() - HOUR
    assert new == replace(
        claims,
        token_id=new.token_id,
        authenticated_at=clock(),
        issued_at=clock(),
        expires_at=clock() + issued.expires_in,
    )
    assert new.token_id != claims.token_id


async def test_the_refresh_token_stays_and_its_renewals_carry_the_new_time(
    auth: Auth, ada: User, clock: FakeClock, pair: TokenPair, claims: AccessClaims
) -> None:
    await auth.reauthenticate(claims, PASSWORD)
    again = clock()
    clock.advance(HOUR)

    renewed = await auth.renew(pair.refresh_token)

    assert (await auth.verify_access(renewed.access_token)).authenticated_at == again
    assert len(await auth.list_sessions(ada.id)) == 1


async def test_other_sessions_keep_their_time(
    auth: Auth, ada: User, clock: FakeClock, claims: AccessClaims
) -> None:
    other = await login_as(auth, ada)
    clock.advance(HOUR)

    await auth.reauthenticate(claims, PASSWORD)

    renewed = await auth.renew(other.refresh_token)
    assert (await auth.verify_access(renewed.access_token)).authenticated_at == clock() - HOUR


async def test_the_new_token_ends_with_the_session(
    auth: Auth, ada: User, clock: FakeClock, claims: AccessClaims
) -> None:
    (session,) = await auth.list_sessions(ada.id)
    clock.advance(session.expires_at - clock() - timedelta(minutes=1))

    issued = await auth.reauthenticate(claims, PASSWORD)

    assert issued.expires_in == timedelta(minutes=1)


async def test_the_token_carries_the_present_roles(
    auth: Auth, ada: User, claims: AccessClaims
) -> None:
    await auth.set_roles(ada.id, frozenset({"admin"}))

    issued = await auth.reauthenticate(claims, PASSWORD)

    assert (await auth.verify_access(issued.access_token)).roles == {"admin"}


async def test_the_password_joins_the_ways_in_which_the_session_was_opened(
    auth: Auth, ada: User
) -> None:
    open_session: OpenSession = auth.log_in.open_session
    pair = await open_session(ada.id, OtherProof(), Device())
    claims = await auth.verify_access(pair.access_token)

    issued = await auth.reauthenticate(claims, PASSWORD)

    assert (await auth.verify_access(issued.access_token)).amr == {"hwk", "user", "pwd"}


async def test_a_wrong_password_changes_nothing(
    auth: Auth, ada: User, pair: TokenPair, claims: AccessClaims
) -> None:
    (session,) = await auth.list_sessions(ada.id)
    before = await read_session(auth.storage, session)

    with pytest.raises(WrongPassword):
        await auth.reauthenticate(claims, "wrong")

    assert await read_session(auth.storage, session) == before
    assert await auth.renew(pair.refresh_token)


async def test_a_session_that_is_over_is_not_revived(
    auth: Auth, ada: User, claims: AccessClaims
) -> None:
    (session,) = await auth.list_sessions(ada.id)
    await auth.end_session(ada.id, session.id)
    ended = await read_session(auth.storage, session)

    for each in (claims, replace(claims, session_id=uuid7())):
        with pytest.raises(SessionEnded):
            await auth.reauthenticate(each, PASSWORD)

    assert await read_session(auth.storage, session) == ended


async def test_a_session_that_ends_while_the_password_is_checked_is_not_revived(
    auth: Auth, ada: User, passwords: Passwords, claims: AccessClaims
) -> None:
    """R18."""
    passwords.meanwhile = lambda: auth.log_out_everywhere(ada.id)

    with pytest.raises(SessionEnded):
        await auth.reauthenticate(claims, PASSWORD)


async def test_a_user_who_is_disabled_while_the_password_is_checked_gets_no_token(
    auth: Auth, ada: User, passwords: Passwords, claims: AccessClaims
) -> None:
    async def disable() -> None:
        async with auth.storage.begin() as tx:  # The sessions are left alone.
            await tx.users.set_disabled(ada.id, auth.clock())

    passwords.meanwhile = disable

    with pytest.raises(SessionEnded):
        await auth.reauthenticate(claims, PASSWORD)


async def test_a_password_that_is_replaced_while_it_is_checked_is_wrong(
    auth: Auth, ada: User, passwords: Passwords, claims: AccessClaims
) -> None:
    """T7."""

    async def replace_it() -> None:
        async with auth.storage.begin() as tx:
            assert await tx.users.set_password(ada.id, "another")

    passwords.meanwhile = replace_it

    with pytest.raises(WrongPassword):
        await auth.reauthenticate(claims, PASSWORD)

    (session,) = await auth.list_sessions(ada.id)
    assert session.authenticated_at == auth.clock() - HOUR


async def test_a_rehash_at_the_same_moment_changes_nothing(
    auth: Auth, ada: User, passwords: Passwords, claims: AccessClaims
) -> None:
    proof = await password_proof(auth, ada)
    passwords.meanwhile = lambda: change_password(auth, ada, proof)

    assert await auth.reauthenticate(claims, PASSWORD)


async def test_renewals_at_the_same_moment_and_it_do_not_disturb_each_other(
    auth: Auth, ada: User, pair: TokenPair, claims: AccessClaims
) -> None:
    await asyncio.gather(
        *(auth.reauthenticate(claims, PASSWORD) for _ in range(3)),
        *(auth.renew(pair.refresh_token) for _ in range(3)),
    )

    renewed = await auth.renew(pair.refresh_token)
    assert (await auth.verify_access(renewed.access_token)).authenticated_at == auth.clock()
    assert len(await auth.list_sessions(ada.id)) == 1


async def test_it_is_told_to_the_listeners(
    auth: Auth, ada: User, claims: AccessClaims, storage: Storage
) -> None:
    told: list[Event] = []
    lifecycle = Lifecycle(development=True)
    lifecycle.open()
    flow = replace(auth.reauthenticate, storage=OpenStorage(storage, lifecycle, notify=told.append))

    await flow(claims, PASSWORD)

    assert told == [Reauthenticated(user_id=ada.id, session_id=claims.session_id)]
