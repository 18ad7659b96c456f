from pathlib import Path

import pytest

from bookly.settings import BooklySettings, url_of
from tokenpair.core.mail_address import parse_sender
from tokenpair.errors import ConfigurationError, InvalidInput


def test_by_default_it_listens_on_this_machine_only() -> None:
    settings = BooklySettings.read()

    assert (settings.host, settings.port) == ("127.0.0.1", 8000)
    assert settings.auth.base_url == "http://127.0.0.1:8000"


def test_the_base_url_follows_host_and_port(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOOKLY_HOST", "books.localhost")
    monkeypatch.setenv("BOOKLY_PORT", "9000")

    assert BooklySettings.read().auth.base_url == "http://books.localhost:9000"


def test_a_base_url_that_is_set_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOOKLY_PORT", "9000")
    monkeypatch.setenv("TOKENPAIR_BASE_URL", "https://books.example.com")

    assert BooklySettings.read().auth.base_url == "https://books.example.com"


def test_a_new_account_is_a_user(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that the course's `RoleChecker(["admin", "user"])` works as typed."""
    by_default = BooklySettings.read().auth.rules.default_roles
    monkeypatch.setenv("TOKENPAIR_DEFAULT_ROLES", "reader")

    assert by_default == {"user"}
    assert BooklySettings.read().auth.rules.default_roles == {"reader"}


def test_the_name_of_the_app_makes_a_password_easy_to_guess() -> None:
    """V6.2.11."""
    policy = BooklySettings.read().auth.rules.policy

    with pytest.raises(InvalidInput):
        policy.require_valid("Bookly Daniel Bookly Daniel", words=["Daniel"])


@pytest.mark.parametrize(
    ("variables", "sender"),
    [
        ({}, "Bookly <no-reply@127.0.0.1>"),
        ({"BOOKLY_HOST": "::1"}, "Bookly <no-reply@[::1]>"),
        ({"TOKENPAIR_BASE_URL": "https://api.test"}, "Bookly <no-reply@api.test>"),
        ({"TOKENPAIR_LINK_BASE_URL": "https://books.test/app"}, "Bookly <no-reply@books.test>"),
        ({"TOKENPAIR_MAIL_FROM": "Shop <shop@books.test>"}, "Shop <shop@books.test>"),
    ],
    ids=["by default", "IPv6", "base URL", "link base URL", "its own"],
)
def test_mails_come_from_bookly_unless_a_sender_is_set(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], sender: str
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    found = BooklySettings.read().auth.mail_options.from_address

    assert found == sender
    assert str(parse_sender(found)) == sender


def test_production_requires_a_base_url(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKENPAIR_ENVIRONMENT", "production")
    monkeypatch.setenv("TOKENPAIR_KEYS_FILE", "keys.json")

    with pytest.raises(ConfigurationError, match="TOKENPAIR_BASE_URL"):
        BooklySettings.read()


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:80"),
        ("0.0.0.0", "http://127.0.0.1:80"),
        ("::", "http://[::1]:80"),
        ("::1", "http://[::1]:80"),
        ("localhost", "http://localhost:80"),
    ],
)
def test_the_url_is_reachable_from_this_machine(host: str, url: str) -> None:
    assert url_of(host, 80) == url


@pytest.mark.parametrize("name", ["BOOKLY_PORT", "bookly_port"])
def test_an_env_file_is_read(tmp_path: Path, name: str) -> None:
    (tmp_path / ".env").write_text(f"{name}=9000\nBOOKLY_HOST=\n")

    settings = BooklySettings.read()

    assert (settings.host, settings.port) == ("127.0.0.1", 9000)


@pytest.mark.parametrize(
    ("name", "value", "example"),
    [
        ("BOOKLY_PORT", "eighty", "8000"),
        ("BOOKLY_PORT", "-1", "8000"),
        ("BOOKLY_PORT", "65536", "8000"),
        ("BOOKLY_HOST", "http://example.com", "0.0.0.0"),
        ("BOOKLY_HOST", "a b", "0.0.0.0"),
        ("BOOKLY_HOST", "[::1]", "0.0.0.0"),
        ("TOKENPAIR_ACCESS_SECONDS", "soon", "600"),
    ],
)
def test_an_invalid_value_is_reported_in_one_line_with_the_name_and_an_example(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, example: str
) -> None:
    monkeypatch.setenv(name, value)

    with pytest.raises(ConfigurationError) as caught:
        BooklySettings.read()

    message = str(caught.value)
    assert message.startswith(f"{name}: ")
    assert message.endswith(f"for example {example}")
    assert "\n" not in message


@pytest.mark.parametrize("place", ["environment", ".env"])
def test_a_misspelt_name_is_reported(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, place: str
) -> None:
    if place == ".env":
        (tmp_path / ".env").write_text("BOOKLY_PROT=9000\n")
    else:
        monkeypatch.setenv("BOOKLY_PROT", "9000")

    with pytest.raises(ConfigurationError, match=r"BOOKLY_PROT; did you mean BOOKLY_PORT\?"):
        BooklySettings.read()
