"""A deleted account is gone at once and completely, with all that its user holds."""

from datetime import timedelta

import pytest

from tests.flows.accounts.conftest import watched
from tokenpair import AccessClaims, Auth, TokenPair, User
from tokenpair.core.accounts.events import UserDeleted
from tokenpair.core.accounts.export import EXPORTED
from tokenpair.core.events import Event, SessionEnded
from tokenpair.core.sessions.rule import EndReason
from tokenpair.errors import (
    InvalidCredentials,
    NotFound,
    ReauthenticationRequired,
    WrongPassword,
)
from tokenpair.errors import SessionEnded as SessionHasEnded
from tokenpair.ids import uuid7
from tokenpair.testing import PASSWORD, FakeClock, a_user, login_as
from tokenpair.testing.store_contract import read_user


@pytest.fixture
async def pair(auth: Auth, ada: User) -> TokenPair:
    return await login_as(auth, ada)


@pytest.fixture
async def claims(auth: Auth, pair: TokenPair) -> AccessClaims:
    return await auth.verify_access(pair.access_token)


async def rows_of(auth: Auth, user: User) -> dict[str, int]:
    async with auth.storage.reading() as look:
        return {name: len(rows) for name, rows in (await look.export.rows(user.id)).items()}


async def test_nothing_of_a_deleted_account_is_left(auth: Auth, ada: User) -> None:
    other = await a_user(auth, "eve@example.com")
    for user in (ada, ada, other):
        await login_as(auth, user)

    await auth.delete(ada.id)

    assert await rows_of(auth, ada) == dict.fromkeys(EXPORTED, 0)
    assert len(await auth.list_sessions(other.id)) == 1


async def test_a_deleted_users_tokens_work_nowhere(
    auth: Auth, ada: User, pair: TokenPair, claims: AccessClaims
) -> None:
    """R16: they are refused as those of an ended session, by the copy and by the row."""
    await auth.delete(ada.id)

    with pytest.raises(SessionHasEnded):
        await auth.verify_access(pair.access_token)
    with pytest.raises(SessionHasEnded):
        await auth.require_session(claims)
    with pytest.raises(SessionHasEnded):
        await auth.renew(pair.refresh_token)
    with pytest.raises(SessionHasEnded):
        await auth.verify_refresh(pair.refresh_token)
    with pytest.raises(SessionHasEnded):
        await auth.get_user(ada.id)
    with pytest.raises(InvalidCredentials):
        await login_as(auth, ada)


async def test_the_address_can_sign_up_again_and_revives_nothing(
    auth: Auth, ada: User, pair: TokenPair
) -> None:
    """R16: the new account has another id."""
    await auth.delete(ada.id)

    again = await a_user(auth, "ada@example.com")
    fresh = await login_as(auth, again)

    assert again.id != ada.id
    assert (await auth.verify_access(fresh.access_token)).subject == again.id
    with pytest.raises(SessionHasEnded):
        await auth.verify_access(pair.access_token)
    with pytest.raises(SessionHasEnded):
        await auth.renew(pair.refresh_token)


async def test_the_listeners_are_told(auth: Auth, ada: User, claims: AccessClaims) -> None:
    told: list[Event] = []

    await watched(auth.delete, told)(ada.id)

    assert told == [
        UserDeleted(user_id=ada.id),
        SessionEnded(user_id=ada.id, session_id=claims.session_id, reason=EndReason.USER_DELETED),
    ]


async def test_an_unknown_account_is_not_found(auth: Auth, ada: User) -> None:
    await auth.delete(ada.id)

    for user_id in (ada.id, uuid7()):
        with pytest.raises(NotFound):
            await auth.delete(user_id)


async def test_users_delete_their_account_with_the_password(
    auth: Auth, ada: User, claims: AccessClaims, clock: FakeClock
) -> None:
    clock.advance(minutes=9)

    with pytest.raises(WrongPassword):
        await auth.delete_own_account(claims, f"{PASSWORD}!")
    before = await read_user(auth.storage, ada)
    await auth.delete_own_account(claims, PASSWORD)

    assert before == ada
    assert await read_user(auth.storage, ada) is None


@pytest.mark.parametrize(
    ("age", "is_recent"),
    [
        pytest.param(timedelta(minutes=5), True, id="five-minutes"),
        pytest.param(timedelta(minutes=5, seconds=1), False, id="a-second-more"),
    ],
)
async def test_without_the_password_the_log_in_must_be_recent(
    auth: Auth, ada: User, claims: AccessClaims, clock: FakeClock, age: timedelta, is_recent: bool
) -> None:
    clock.advance(age)

    if is_recent:
        await auth.delete_own_account(claims)
    else:
        with pytest.raises(ReauthenticationRequired):
            await auth.delete_own_account(claims)

    assert (await read_user(auth.storage, ada) is None) is is_recent


async def test_a_renewal_is_no_recent_log_in(auth: Auth, pair: TokenPair, clock: FakeClock) -> None:
    clock.advance(minutes=6)
    renewed = await auth.renew(pair.refresh_token)

    with pytest.raises(ReauthenticationRequired):
        await auth.delete_own_account(await auth.verify_access(renewed.access_token))


@pytest.mark.parametrize("password", [None, PASSWORD], ids=["recent", "password"])
async def test_the_session_must_be_live_by_its_row(
    auth: Auth, ada: User, claims: AccessClaims, password: str | None
) -> None:
    """Another worker's copy of the revocations may be behind; the thief's token verifies there."""
    await auth.end_session(ada.id, claims.session_id)

    with pytest.raises(SessionHasEnded):
        await auth.delete_own_account(claims, password)

    assert await read_user(auth.storage, ada) == ada


@pytest.mark.parametrize("password", [None, PASSWORD], ids=["recent", "password"])
async def test_a_disabled_user_deletes_nothing(
    auth: Auth, ada: User, claims: AccessClaims, password: str | None
) -> None:
    await auth.disable(ada.id)

    with pytest.raises(SessionHasEnded):
        await auth.delete_own_account(claims, password)

    assert await read_user(auth.storage, ada) is not None
