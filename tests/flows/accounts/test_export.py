"""Everything that is stored about a user, with a list of what it contains."""

import pytest

from tokenpair import Auth, User
from tokenpair.core.accounts.export import EXPORTED
from tokenpair.errors import NotFound
from tokenpair.ids import uuid7
from tokenpair.testing import PASSWORD, FakeClock, a_user, login_as, read_mails


async def test_an_export_names_what_it_contains(auth: Auth, ada: User, clock: FakeClock) -> None:
    await login_as(auth, ada)

    export = await auth.export(ada.id)

    assert export.exported_at == clock()
    assert export.contents == EXPORTED
    assert export.data.keys() == EXPORTED.keys()
    assert [row["email"] for row in export.data["tokenpair_user"]] == ["ada@example.com"]
    assert [row["user_id"] for row in export.data["tokenpair_session"]] == [ada.id]


@pytest.mark.parametrize("is_delivered", [False, True], ids=["waiting", "delivered"])
async def test_an_export_does_not_tell_whether_a_new_address_is_taken(
    auth: Auth, ada: User, *, is_delivered: bool
) -> None:
    """V6.3.8: without open sign-up, a user could try addresses otherwise."""
    await a_user(auth, "bob@example.com")
    await read_mails(auth)
    if not is_delivered:
        await auth._parts.mailer.loop.stop()
    found = []
    for new in ("bob@example.com", "free@example.com"):
        await auth.change_email(ada.id, password=PASSWORD, new_email=new)
        if is_delivered:
            await read_mails(auth)
        data = (await auth.export(ada.id)).data
        rows = [*data["tokenpair_one_time"], *data["tokenpair_outbox"]]
        found.append({(row["purpose"], row["address"]) for row in rows})

    purposes = {"verify_email"} if is_delivered else {"verify_email", "address_change_requested"}
    assert found == [{(each, "ada@example.com") for each in purposes}] * 2


async def test_an_unknown_user_is_not_found(auth: Auth) -> None:
    with pytest.raises(NotFound):
        await auth.export(uuid7())
