"""Everything that is stored about a user, with a list of what it contains."""

import pytest

from tokenpair import Auth, User
from tokenpair.core.accounts.export import EXPORTED
from tokenpair.errors import NotFound
from tokenpair.ids import uuid7
from tokenpair.testing import FakeClock, login_as


async def test_an_export_names_what_it_contains(auth: Auth, ada: User, clock: FakeClock) -> None:
    await login_as(auth, ada)

    export = await auth.export(ada.id)

    assert export.exported_at == clock()
    assert export.contents == EXPORTED
    assert export.data.keys() == EXPORTED.keys()
    assert [row["email"] for row in export.data["tokenpair_user"]] == ["ada@example.com"]
    assert [row["user_id"] for row in export.data["tokenpair_session"]] == [ada.id]


async def test_an_unknown_user_is_not_found(auth: Auth) -> None:
    with pytest.raises(NotFound):
        await auth.export(uuid7())
