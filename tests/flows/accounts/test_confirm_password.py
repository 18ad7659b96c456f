"""A logged-in user is asked for the password again."""

import pytest

from tokenpair import Auth, User
from tokenpair.errors import SessionEnded, WrongPassword
from tokenpair.flows.accounts.confirm_password import ConfirmPassword
from tokenpair.ids import uuid7
from tokenpair.testing import PASSWORD, a_user, make_auth
from tokenpair.testing.store_contract import read_password_hash


@pytest.fixture
def auth() -> Auth:
    return make_auth()


@pytest.fixture
async def ada(auth: Auth) -> User:
    return await a_user(auth)


@pytest.fixture
def confirm(auth: Auth) -> ConfirmPassword:
    return auth._parts.build(ConfirmPassword)


async def test_the_right_password_returns_the_user_as_compared(
    auth: Auth, ada: User, confirm: ConfirmPassword
) -> None:
    found = await confirm(ada.id, PASSWORD)

    assert found.user == ada
    assert found.password_hash == await read_password_hash(auth.storage, ada)


@pytest.mark.parametrize("password", ["", "wrong", PASSWORD.upper(), f"{PASSWORD} "])
async def test_another_password_is_wrong(
    ada: User, confirm: ConfirmPassword, password: str
) -> None:
    with pytest.raises(WrongPassword):
        await confirm(ada.id, password)


async def test_the_password_of_another_user_is_wrong(
    auth: Auth, ada: User, confirm: ConfirmPassword
) -> None:
    await auth.sign_up(email="eve@example.com", password="another long enough password")

    with pytest.raises(WrongPassword):
        await confirm(ada.id, "another long enough password")


async def test_a_deleted_or_disabled_user_confirms_nothing(
    auth: Auth, ada: User, confirm: ConfirmPassword
) -> None:
    await auth.disable(ada.id)

    for user_id in (ada.id, uuid7()):
        with pytest.raises(SessionEnded):
            await confirm(user_id, PASSWORD)
