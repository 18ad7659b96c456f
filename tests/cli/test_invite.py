"""`tokenpair users invite`."""

import asyncio

import pytest

from tests.cli.running import Command, with_auth
from tokenpair import Auth, User
from tokenpair.testing import PASSWORD


def accepted(caplog: pytest.LogCaptureFixture) -> User:
    """Let the app deliver the mail, which it prints to the log, and accept the invitation."""

    async def run() -> User:
        async with Auth.from_settings() as auth:
            await auth._parts.mailer.loop.drain()
            token = caplog.text.partition("#token=")[2][:64]
            return await auth.accept_invitation(token=token, password=PASSWORD)

    return asyncio.run(run())


def test_the_app_mails_what_the_operator_has_asked_for(
    command: Command, caplog: pytest.LogCaptureFixture
) -> None:
    with_auth()
    caplog.set_level("INFO")

    result = command("users", "invite", "ada@example.com", "editor", "admin")

    assert result == (0, "ada@example.com  invited\n", "")
    assert accepted(caplog).roles == {"editor", "admin"}


def test_without_a_role_it_has_the_default_ones(
    command: Command,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TOKENPAIR_DEFAULT_ROLES", "user")
    with_auth()
    caplog.set_level("INFO")

    command("users", "invite", "ada@example.com")

    assert accepted(caplog).roles == {"user"}


@pytest.mark.parametrize("smtp_url", [None, "smtp://mail.example.com:587"], ids=["none", "smtp"])
def test_in_production_it_says_that_no_server_is_set(
    request: pytest.FixtureRequest,
    command: Command,
    monkeypatch: pytest.MonkeyPatch,
    smtp_url: str | None,
) -> None:
    with_auth()
    request.getfixturevalue("production")
    monkeypatch.setenv("TOKENPAIR_DATABASE_URL", "sqlite:///data/tokenpair.db")
    if smtp_url:
        monkeypatch.setenv("TOKENPAIR_SMTP_URL", smtp_url)
        monkeypatch.setenv("TOKENPAIR_MAIL_FROM", "no-reply@books.example.com")

    status, out, err = command("users", "invite", "ada@example.com")

    assert (status, out) == (0, "ada@example.com  invited\n")
    assert ("TOKENPAIR_SMTP_URL is not set" in err) == (smtp_url is None)
    assert err.count("\n") == (smtp_url is None)


@pytest.mark.parametrize(
    ("arguments", "settings", "complaint"),
    [
        (("bob@example.com",), {}, "already exists"),
        (("ada",), {}, "is not a valid e-mail address"),
        (("ada@example.com", "two words"), {}, "without spaces"),
        (("ada@example.com",), {"TOKENPAIR_MAIL": "off"}, "set TOKENPAIR_MAIL=on"),
        (("ada@example.com",), {"TOKENPAIR_SIGN_UP": "closed"}, "Sign-up is closed"),
    ],
    ids=["taken", "address", "roles", "mail", "closed"],
)
def test_what_cannot_be_done_is_one_line(
    command: Command,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    settings: dict[str, str],
    complaint: str,
) -> None:
    with_auth("bob@example.com")
    for name, value in settings.items():
        monkeypatch.setenv(name, value)

    status, out, err = command("users", "invite", *arguments)

    assert (status, out, err.count("\n")) == (1, "", 1)
    assert complaint in err
