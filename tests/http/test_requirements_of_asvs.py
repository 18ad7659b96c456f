"""Requirements of OWASP ASVS 5.0, chapters V6 and V7, that no other test shows."""

from dataclasses import replace
from pathlib import Path
from secrets import token_bytes

from bookly.app import create_app
from tests.bookly.conftest import make_settings
from tests.docs.reading import ROOT
from tokenpair import Auth
from tokenpair.core import limits
from tokenpair.flows.sessions.log_in import LogIn
from tokenpair.flows.sessions.renew import Renew
from tokenpair.testing import PASSWORD, FakeClock, a_user, login_as, make_auth


def test_the_words_that_make_a_password_weak_are_documented() -> None:
    """V6.1.2."""
    page = " ".join((ROOT / "docs/how-to/passwords.md").read_text().split())

    assert "the words of the user's address and profile, and the names of your service" in page
    assert "TOKENPAIR_PASSWORD_WORDS" in page


def test_the_limits_of_guesses_are_documented() -> None:
    """V6.1.1."""
    page = (ROOT / "docs/how-to/limits.md").read_text()

    for number in (limits.PASSWORD, limits.PASSWORD_ADDRESS, limits.MAIL_TOKEN):
        assert f"{number.count} " in page
    assert f"{limits.SIGN_UP.count} an hour" in page
    assert f"{limits.FORGOTTEN.count} an hour for one account" in page
    assert "so a stranger cannot lock the owner out" in page


async def test_a_password_never_expires(clock: FakeClock) -> None:
    """V6.2.10."""
    auth = make_auth(clock=clock)
    user = await a_user(auth)
    clock.advance(days=3650)

    pair = await login_as(auth, user)

    assert (await auth.verify_access(pair.access_token)).subject == user.id


async def test_a_new_app_has_no_account(tmp_path: Path) -> None:
    """V6.3.2."""
    settings = make_settings(tmp_path)
    auth = Auth.from_settings(settings.auth)
    app = create_app(settings, auth=auth)

    async with app.router.lifespan_context(app), auth.storage.reading() as look:
        assert await look.users.list(limit=1) == []


async def test_every_secret_of_a_session_has_128_random_bits() -> None:
    """V7.2.3."""
    sizes: list[int] = []

    def random(size: int) -> bytes:
        sizes.append(size)
        return token_bytes(size)

    auth = make_auth()
    await a_user(auth)
    parts = replace(auth._parts, random=random)

    pair = await parts.build(LogIn)(email="ada@example.com", password=PASSWORD)
    await parts.build(Renew)(pair.refresh_token)

    assert set(sizes) == {16}
