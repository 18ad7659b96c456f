"""`TOKENPAIR_SIGN_UP` and `TOKENPAIR_DEFAULT_ROLES`."""

import pytest
from fastapi import FastAPI

from tests.http.conftest import talking_to
from tokenpair import Rules, Settings, SignUpMode
from tokenpair.errors import ConfigurationError, SignUpClosed
from tokenpair.fastapi import install
from tokenpair.testing import PASSWORD, a_user, login_as, make_auth

ADA = {"email": "ada@example.com", "password": PASSWORD}
NOT_OPEN = [SignUpMode.INVITED, SignUpMode.CLOSED]


@pytest.mark.parametrize("mode", NOT_OPEN)
async def test_sign_up_is_refused_unless_it_is_open(mode: SignUpMode) -> None:
    auth = make_auth(sign_up=mode)

    with pytest.raises(SignUpClosed):
        await auth.sign_up(email="ada@example.com", password=PASSWORD)

    async with auth.storage.reading() as look:
        assert await look.users.list(limit=1) == []


@pytest.mark.parametrize("mode", SignUpMode)
async def test_its_endpoint_is_there_only_if_it_is_open(mode: SignUpMode) -> None:
    app = FastAPI()
    auth = make_auth(sign_up=mode)
    install(app, auth)

    async with auth, talking_to(app) as client:
        answer = await client.post("/auth/signup", json=ADA)

    assert answer.status_code == (201 if mode is SignUpMode.OPEN else 404)
    assert ("/auth/signup" in app.openapi()["paths"]) is (mode is SignUpMode.OPEN)


@pytest.mark.parametrize("mode", NOT_OPEN)
async def test_an_endpoint_of_the_apps_own_answers_403(mode: SignUpMode) -> None:
    app = FastAPI()
    auth = make_auth(sign_up=mode)
    install(app, auth)

    @app.post("/join")
    async def join() -> None:
        await auth.sign_up(email="ada@example.com", password=PASSWORD)

    async with auth, talking_to(app) as client:
        answer = await client.post("/join")

    assert (answer.status_code, answer.json()["code"]) == (403, "sign_up_closed")


@pytest.mark.parametrize("mode", NOT_OPEN)
async def test_the_app_can_make_accounts_in_every_mode(mode: SignUpMode) -> None:
    auth = make_auth(sign_up=mode)

    user = await auth.import_account(email="ada@example.com", password_hash=None)

    assert await auth.get_user(user.id) == user


async def test_a_new_account_has_the_default_roles() -> None:
    auth = make_auth(default_roles="user reader")

    user = await a_user(auth)
    pair = await login_as(auth, user)

    assert user.roles == {"user", "reader"}
    assert (await auth.verify_access(pair.access_token)).roles == {"user", "reader"}
    assert user.version == 0


async def test_without_them_it_has_none() -> None:
    assert (await a_user(make_auth())).roles == frozenset()


@pytest.mark.parametrize(
    "text", ["user reader", "user,reader", " user , reader\t", "'reader,user'"]
)
def test_roles_are_read_with_spaces_or_commas(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("TOKENPAIR_DEFAULT_ROLES", text)

    assert Settings.read().rules.default_roles == {"user", "reader"}


def test_the_mode_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKENPAIR_SIGN_UP", "invited")

    assert Settings.read().rules.sign_up is SignUpMode.INVITED


@pytest.mark.parametrize("mode", SignUpMode)
def test_only_invitations_need_mail(monkeypatch: pytest.MonkeyPatch, mode: SignUpMode) -> None:
    monkeypatch.setenv("TOKENPAIR_SIGN_UP", mode.value)
    monkeypatch.setenv("TOKENPAIR_MAIL", "off")

    if mode is not SignUpMode.INVITED:
        assert Settings.read().rules.sign_up is mode
    else:
        with pytest.raises(ConfigurationError, match="set TOKENPAIR_MAIL=on, or TOKENPAIR_SIGN_UP"):
            Settings.read()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TOKENPAIR_SIGN_UP", "maybe"),
        ("TOKENPAIR_DEFAULT_ROLES", "größe"),
        ("TOKENPAIR_DEFAULT_ROLES", "a;b"),
        ("TOKENPAIR_DEFAULT_ROLES", "x" * 65),
        ("TOKENPAIR_DEFAULT_ROLES", " ".join(f"r{n}" for n in range(33))),
    ],
    ids=["mode", "letters", "punctuation", "long", "many"],
)
def test_a_wrong_value_stops_the_start_in_one_line(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)

    with pytest.raises(ConfigurationError) as raised:
        Settings.read()

    assert str(raised.value).startswith(f"{name}: ")
    assert ", for example " in str(raised.value)
    assert "\n" not in str(raised.value)


def test_so_do_roles_in_code_that_no_token_can_carry() -> None:
    with pytest.raises(ConfigurationError, match="the default roles must be up to 32 names"):
        Rules(default_roles=frozenset({"two words"}))
