"""The settings of mail, and what an `Auth` makes of them."""

import json
from pathlib import Path

import pytest

from tokenpair import Auth, Key, Keyring, MailOptions, Settings
from tokenpair.core.smtp_url import SmtpUrl, parse_smtp_url
from tokenpair.errors import ConfigurationError
from tokenpair.mail.console import ConsoleSender
from tokenpair.mail.smtp import SmtpSender
from tokenpair.stores.sql import SqlStorage
from tokenpair.testing import Inbox

SECRET = "canary7f3a"
FROM = "Bookly <no-reply@books.example.com>"
SMTP = "smtp://bookly:secret@mail.example.com"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("smtp://localhost", SmtpUrl(host="localhost", port=587)),
        ("smtp+insecure://[::1]", SmtpUrl(host="::1", port=25, is_insecure=True)),
        ("smtps://localhost", SmtpUrl(host="localhost", port=465, is_tls=True)),
        ("SMTP://Mail.Example.com:25/", SmtpUrl(host="mail.example.com", port=25, is_tls=False)),
        ("smtp://[::1]:2525", SmtpUrl(host="::1", port=2525, is_tls=False)),
        (
            "smtp://no-reply%40books.example.com:s%3Ae%2Fc%40r%23e%25t@mail.example.com",
            SmtpUrl(
                host="mail.example.com",
                port=587,
                is_tls=False,
                user="no-reply@books.example.com",
                password="s:e/c@r#e%t",
            ),
        ),
    ],
    ids=["smtp", "insecure", "smtps", "port", "ipv6", "login"],
)
def test_an_smtp_url_is_read(url: str, expected: SmtpUrl) -> None:
    assert parse_smtp_url(url) == expected


@pytest.mark.parametrize(
    "url",
    [
        "mail.example.com",
        "mail.example.com:587",
        "http://mail.example.com",
        "smtp://",
        "smtp://:587",
        f"smtp://{SECRET}@mail.example.com",
        f"smtp://bookly:{SECRET}/x@mail.example.com",
        f"smtp://bookly:{SECRET}#x@mail.example.com",
        f"smtp://bookly:{SECRET}%ff@mail.example.com",
        f"smtp://bookly:{SECRET}@mail.example.com:port",
        f"smtp://bookly:{SECRET}@mail.example.com:99999",
        f"smtp://bookly:{SECRET}@mail.example.com:0",
        f"smtp://bookly:{SECRET}@mail.example.com/path",
        f"smtp://bookly:{SECRET}@mail.example.com?x=y",
        f"smtp://bookly:{SECRET} x@mail.example.com",
        f"smtp+insecure://bookly:{SECRET}@mail.example.com",
        f"smtp+insecure://bookly:{SECRET}@localhost.example.com",
        f"smtp://bookly:{SECRET}@[::1",
    ],
    ids=range(18),
)
def test_a_wrong_smtp_url_stops_the_start_without_being_quoted(
    monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv("TOKENPAIR_SMTP_URL", url)
    monkeypatch.setenv("TOKENPAIR_MAIL_FROM", FROM)

    with pytest.raises(ConfigurationError) as caught:
        Settings.read()

    message = str(caught.value)
    assert message.startswith("TOKENPAIR_SMTP_URL: ")
    assert message.endswith(", for example smtp://user:password@mail.example.com:587")
    assert SECRET not in message


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MAIL", "perhaps"),
        ("MAIL_FROM", "Bookly"),
        ("MAIL_FROM", "a@example.com, b@example.com"),
        ("MAIL_FROM", "Bookly <a@example.com> x"),
        ("MAIL_FROM", "Bookly\n <a@example.com>"),
        ("LINK_BASE_URL", "books.example.com"),
        ("LINK_BASE_URL", "https://books.example.com/#here"),
        ("MAIL_LANGUAGE", "../de"),
        ("MAIL_LANGUAGE", "d"),
    ],
    ids=range(9),
)
def test_a_wrong_value_stops_the_start(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(f"TOKENPAIR_{name}", value)

    with pytest.raises(ConfigurationError, match=f"^TOKENPAIR_{name}: .*for example "):
        Settings.read()


def test_an_smtp_server_needs_a_sender() -> None:
    with pytest.raises(ConfigurationError, match="needs TOKENPAIR_MAIL_FROM"):
        Auth.from_settings(Settings.read(smtp_url=SMTP))


def test_the_options_are_those_of_the_settings(tmp_path: Path) -> None:
    given = Settings.read(
        mail="off",
        mail_from=FROM,
        link_base_url="https://app.example.com/",
        mail_templates=str(tmp_path),
        mail_language="de",
    )

    assert given.mail_options == MailOptions(
        is_on=False,
        from_address=FROM,
        link_base_url="https://app.example.com",
        templates=tmp_path,
        language="de",
    )
    assert Settings.read().mail_options == MailOptions(link_base_url="http://127.0.0.1:8000")


def test_the_password_of_the_server_is_in_no_repr() -> None:
    settings = Settings.read(smtp_url=f"smtp://bookly:{SECRET}@localhost", mail_from=FROM)

    auth = Auth.from_settings(settings)

    sender = auth._parts.mail_options.sender
    assert isinstance(sender, SmtpSender)
    assert SECRET not in repr(settings) + repr(vars(sender))


def test_without_a_server_mails_are_printed_in_development() -> None:
    assert isinstance(Auth.from_settings()._parts.mail_options.sender, ConsoleSender)


def test_a_sender_of_the_apps_replaces_the_settings() -> None:
    inbox = Inbox()

    auth = Auth.from_settings(Settings.read(smtp_url=SMTP, mail_from=FROM), mail_sender=inbox)

    assert auth._parts.mail_options.sender is inbox


async def in_production(tmp_path: Path, **given: object) -> Settings:
    """Return settings for a migrated database."""
    keys = tmp_path / "keys.json"
    keys.write_text(json.dumps(Keyring([Key.generate()]).to_private_jwks()))
    keys.chmod(0o600)
    url = f"sqlite:///{tmp_path}/test.db"
    storage = SqlStorage.from_url(url)
    await storage.open(migrate=True)
    await storage.close()
    return Settings.read(
        environment="production",
        base_url="https://books.example.com",
        trusted_proxy_hops=0,
        keys_file=str(keys),
        database_url=url,
        **given,
    )


async def test_in_production_links_must_be_https(tmp_path: Path) -> None:
    """An attacker on the way could answer an http link with a page that takes its token."""
    with pytest.raises(ConfigurationError, match=r"^TOKENPAIR_LINK_BASE_URL must be an https URL"):
        await in_production(tmp_path, link_base_url="http://books.example.com")

    https = await in_production(tmp_path, link_base_url="https://app.example.com")
    assert https.mail_options.link_base_url == "https://app.example.com"


async def test_in_production_it_does_not_open_without_a_way_to_send_mails(tmp_path: Path) -> None:
    auth = Auth.from_settings(await in_production(tmp_path))

    with pytest.raises(ConfigurationError) as caught:
        await auth.open()

    assert "TOKENPAIR_SMTP_URL" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("given", "sender"),
    [({"smtp_url": SMTP, "mail_from": FROM}, None), ({"mail": "off"}, None), ({}, Inbox())],
    ids=["smtp", "off", "a-sender"],
)
async def test_in_production_it_opens_with_smtp_or_a_sender_or_without_mail(
    tmp_path: Path, given: dict[str, object], sender: Inbox | None
) -> None:
    auth = Auth.from_settings(await in_production(tmp_path, **given), mail_sender=sender)

    async with auth:
        assert auth.sends_mail == (given != {"mail": "off"})


async def test_templates_that_cannot_be_used_stop_the_start(tmp_path: Path) -> None:
    auth = Auth.from_settings(Settings.read(mail_templates=str(tmp_path / "none")))

    with pytest.raises(ConfigurationError, match="does not exist: set TOKENPAIR_MAIL_TEMPLATES"):
        await auth.open()
