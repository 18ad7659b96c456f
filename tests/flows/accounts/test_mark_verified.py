"""The app or an operator says that an address is verified."""

import pytest

from tokenpair.errors import NotFound, StaleToken
from tokenpair.ids import uuid7
from tokenpair.testing import a_user, login_as, make_auth


async def test_an_address_is_marked_once_and_clients_renew() -> None:
    auth = make_auth()
    ada = await a_user(auth)
    before = await login_as(auth, ada)

    await auth.mark_verified(ada.id)

    with pytest.raises(StaleToken):
        await auth.verify_access(before.access_token)
    renewed = await auth.renew(before.refresh_token)
    await auth.mark_verified(ada.id)
    assert await auth.verify_access(renewed.access_token)
    assert (await auth.get_user(ada.id)).email_verified_at == auth.clock()


async def test_an_unknown_user_cannot_be_marked() -> None:
    with pytest.raises(NotFound):
        await make_auth().mark_verified(uuid7())
