"""Which links in mails a new password makes invalid."""

import pytest

from tokenpair import Auth, MailPurpose, User
from tokenpair.errors import MailTokenInvalid
from tokenpair.testing import a_user, make_auth, read_mails


@pytest.fixture
def auth() -> Auth:
    return make_auth()


async def token_of(auth: Auth, purpose: MailPurpose) -> str:
    (link,) = [each.link for each in await read_mails(auth) if each.purpose is purpose]
    assert link is not None
    return link.partition("#token=")[2]


async def test_a_new_password_leaves_the_link_that_verifies_the_address(auth: Auth) -> None:
    ada = await a_user(auth)
    token = await token_of(auth, MailPurpose.VERIFY_EMAIL)
    await auth.set_password(ada.id, "eleven quiet lanterns")

    await auth.verify_email(token)

    assert (await auth.get_user(ada.id)).email_verified_at is not None


async def test_a_new_password_ends_the_link_that_resets_it(auth: Auth) -> None:
    """A5."""
    ada: User = await a_user(auth)
    await auth.forgot_password(email=ada.email.typed)
    token = await token_of(auth, MailPurpose.RESET_PASSWORD)
    await auth.set_password(ada.id, "eleven quiet lanterns")

    with pytest.raises(MailTokenInvalid):
        await auth.reset_password(token=token, new_password="forty paper sailboats")

    assert await auth.log_in(email=ada.email.typed, password="eleven quiet lanterns")
