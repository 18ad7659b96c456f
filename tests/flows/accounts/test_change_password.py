"""A password is replaced by a user who knows the old one, or by the app."""

import pytest

from tests.flows.accounts.conftest import mails_of, watched
from tests.stores.test_races import Interrupted
from tokenpair import AccessClaims, Auth, MailOptions, MailPurpose, TokenPair, User
from tokenpair.core.accounts.events import PasswordChange, PasswordChanged
from tokenpair.core.events import Event, SessionEnded
from tokenpair.core.sessions.rule import EndReason
from tokenpair.errors import InvalidCredentials, InvalidInput, NotFound, WrongPassword
from tokenpair.errors import SessionEnded as SessionHasEnded
from tokenpair.ids import uuid7
from tokenpair.ports import Storage
from tokenpair.testing import PASSWORD, a_user, login_as, make_auth

NEW = "purple elephants dance on marbles"


@pytest.fixture
async def pair(auth: Auth, ada: User) -> TokenPair:
    return await login_as(auth, ada)


@pytest.fixture
async def claims(auth: Auth, pair: TokenPair) -> AccessClaims:
    return await auth.verify_access(pair.access_token)


async def change(
    auth: Auth, claims: AccessClaims, password: str = NEW, *, current: str = PASSWORD
) -> None:
    await auth.change_password(
        claims.subject,
        current_password=current,
        new_password=password,
        keep_session=claims.session_id,
    )


async def credential_version(auth: Auth, user: User) -> int:
    async with auth.storage.begin() as tx:
        found = await tx.users.lock(user.id)
    assert found is not None
    return found.credential_version


async def test_after_a_change_only_the_new_password_logs_in(
    auth: Auth, ada: User, claims: AccessClaims
) -> None:
    """V6.2.2."""
    await change(auth, claims)

    with pytest.raises(InvalidCredentials):
        await login_as(auth, ada)
    assert await auth.log_in(email="ada@example.com", password=NEW)


async def test_a_change_ends_the_other_sessions(
    auth: Auth, ada: User, pair: TokenPair, claims: AccessClaims
) -> None:
    """R15: of all other devices, and of no other user."""
    other = await login_as(auth, ada)
    stranger = await login_as(auth, await a_user(auth, "eve@example.com"))

    await change(auth, claims)

    assert [each.id for each in await auth.list_sessions(ada.id)] == [claims.session_id]
    assert await auth.renew(pair.refresh_token)
    assert await auth.renew(stranger.refresh_token)
    with pytest.raises(SessionHasEnded):
        await auth.verify_access(other.access_token)
    with pytest.raises(SessionHasEnded):
        await auth.renew(other.refresh_token)


@pytest.mark.usefixtures("pair")
async def test_a_change_without_a_session_to_keep_ends_all(auth: Auth, ada: User) -> None:
    await auth.change_password(ada.id, current_password=PASSWORD, new_password=NEW)

    assert await auth.list_sessions(ada.id) == []


async def test_a_change_raises_the_credential_version_and_tells_the_user(
    auth: Auth, ada: User, claims: AccessClaims
) -> None:
    """V6.3.7."""
    other = await auth.verify_access((await login_as(auth, ada)).access_token)
    before = await credential_version(auth, ada)
    told: list[Event] = []

    await watched(auth.change_password, told)(
        ada.id, current_password=PASSWORD, new_password=NEW, keep_session=claims.session_id
    )

    assert await credential_version(auth, ada) == before + 1
    assert told == [
        SessionEnded(
            user_id=ada.id, session_id=other.session_id, reason=EndReason.PASSWORD_CHANGED
        ),
        PasswordChanged(user_id=ada.id, reason=PasswordChange.CHANGED),
    ]
    assert await mails_of(auth) == [(MailPurpose.PASSWORD_CHANGED, "ada@example.com")]


async def test_a_wrong_password_changes_nothing(
    auth: Auth, ada: User, claims: AccessClaims
) -> None:
    other = await login_as(auth, ada)

    with pytest.raises(WrongPassword):
        await change(auth, claims, current=f"{PASSWORD} ")

    assert await auth.renew(other.refresh_token)
    assert await mails_of(auth) == []


@pytest.mark.parametrize(
    "password",
    [
        pytest.param("short", id="too-short"),
        pytest.param("passwordpassword", id="easily-guessed"),
        pytest.param("ada@example.com!", id="address"),
        pytest.param("Lovelace-Lovelace", id="profile"),
    ],
)
async def test_a_new_password_must_be_valid(
    auth: Auth, ada: User, claims: AccessClaims, password: str
) -> None:
    await auth.update_profile(ada.id, {"surname": "Lovelace"})

    with pytest.raises(InvalidInput) as by_user:
        await change(auth, claims, password)
    with pytest.raises(InvalidInput) as by_app:
        await auth.set_password(ada.id, password)

    for raised in (by_user, by_app):
        assert [error.field for error in raised.value.errors] == ["new_password"]
    assert await login_as(auth, ada)


async def test_the_session_must_be_live_by_its_row_to_change_the_password(
    auth: Auth, ada: User, claims: AccessClaims
) -> None:
    await auth.end_session(ada.id, claims.session_id)

    with pytest.raises(SessionHasEnded):
        await change(auth, claims)

    assert await login_as(auth, ada)


async def test_a_deleted_or_disabled_user_changes_no_password(
    auth: Auth, ada: User, claims: AccessClaims
) -> None:
    await auth.disable(ada.id)
    with pytest.raises(SessionHasEnded):
        await change(auth, claims)

    await auth.delete(ada.id)
    with pytest.raises(SessionHasEnded):
        await change(auth, claims)


async def test_a_user_who_is_disabled_during_the_comparison_changes_nothing(
    storage: Storage,
) -> None:
    auth: Auth

    async def disable() -> None:
        await auth.disable(ada.id)

    passwords = Interrupted(disable)
    async with make_auth(storage=storage, passwords=passwords) as auth:
        ada = await a_user(auth)

        with pytest.raises(SessionHasEnded):
            await auth.change_password(ada.id, current_password=PASSWORD, new_password=NEW)

        await auth.enable(ada.id)
        assert await login_as(auth, ada)


async def test_where_mails_are_off_none_waits(storage: Storage) -> None:
    async with make_auth(storage=storage, mail_options=MailOptions(is_on=False)) as auth:
        ada = await a_user(auth)

        await auth.set_password(ada.id, NEW)

        assert (await auth.export(ada.id)).data["tokenpair_outbox"] == []


async def test_the_app_sets_a_password_and_ends_all_sessions(
    auth: Auth, ada: User, pair: TokenPair, claims: AccessClaims
) -> None:
    before = await credential_version(auth, ada)
    told: list[Event] = []

    await watched(auth.set_password, told)(ada.id, NEW)

    assert await auth.list_sessions(ada.id) == []
    with pytest.raises(SessionHasEnded):
        await auth.verify_access(pair.access_token)
    assert await auth.log_in(email="ada@example.com", password=NEW)
    assert await credential_version(auth, ada) == before + 1
    assert told == [
        SessionEnded(
            user_id=ada.id, session_id=claims.session_id, reason=EndReason.PASSWORD_CHANGED
        ),
        PasswordChanged(user_id=ada.id, reason=PasswordChange.SET),
    ]
    assert await mails_of(auth) == [(MailPurpose.PASSWORD_CHANGED, "ada@example.com")]


async def test_no_password_is_set_for_an_unknown_user(auth: Auth) -> None:
    with pytest.raises(NotFound):
        await auth.set_password(uuid7(), NEW)
