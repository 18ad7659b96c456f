import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from pydantic_settings import BaseSettings

from bookly.settings import BooklySettings, _Listening
from tokenpair import Auth, Key, Keyring, Settings
from tokenpair.errors import ConfigurationError
from tokenpair.feed.valkey import ValkeyWakeUp
from tokenpair.lifecycle import OpenLimits
from tokenpair.limits.off import NoLimits
from tokenpair.limits.valkey import ValkeyLimits
from tokenpair.settings import EnvironmentSettings, read_settings

SECRET = "canary7f3a"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ENVIRONMENT", "staging"),
        ("BASE_URL", "books.example.com"),
        ("BASE_URL", "ftp://books.example.com"),
        ("BASE_URL", f"https://user:{SECRET}@books.example.com"),
        ("BASE_URL", f"https://books.example.com/?{SECRET}"),
        ("ACCESS_SECONDS", "0"),
        ("ACCESS_SECONDS", "-1"),
        ("ACCESS_SECONDS", "ten"),
        ("ACCESS_SECONDS", "1.5"),
        ("ACCESS_SECONDS", "99999999999999999999"),
        ("REFRESH_IDLE_SECONDS", "a week"),
        ("SESSION_SECONDS", "0"),
        ("REPEAT_WINDOW_SECONDS", "-1"),
        ("SUPERSEDED_WINDOW_SECONDS", "soon"),
        ("STRICT", "perhaps"),
        ("LIMITS", "true"),
        ("TRUSTED_PROXY_HOPS", "-1"),
        ("TRUSTED_PROXY_HOPS", "11"),
        ("ARGON2_MEMORY_KIB", "lots"),
        ("ARGON2_MEMORY_KIB", "9999999999"),
        ("ARGON2_MEMORY_KIB", "8"),
        ("ARGON2_TIME", "0"),
        ("ARGON2_PARALLELISM", "0"),
        ("PASSWORD_MIN_LENGTH", "7"),
        ("PASSWORD_MIN_LENGTH", "1025"),
        ("DATA_DIR", "data?mode=memory"),
        ("ISSUER", "x" * 256),
        ("AUDIENCE", "x" * 256),
    ],
)
def test_a_wrong_value_stops_the_start_with_one_line_that_names_it(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(f"TOKENPAIR_{name}", value)

    with pytest.raises(ConfigurationError) as caught:
        Settings.read()

    message = str(caught.value)
    assert message.startswith(f"TOKENPAIR_{name}")
    assert "for example " in message or "must be at least" in message
    assert "\n" not in message
    assert SECRET not in message
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    "keys", [SECRET, f'{{"keys": ["{SECRET}"]}}', f'{{"keys": [{{"kty": "{SECRET}"}}]}}', "{"]
)
def test_wrong_keys_stop_the_start_and_are_not_quoted(
    monkeypatch: pytest.MonkeyPatch, keys: str
) -> None:
    monkeypatch.setenv("TOKENPAIR_KEYS", keys)

    with pytest.raises(ConfigurationError, match=r"^TOKENPAIR_KEYS") as caught:
        Auth.from_settings()

    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        f"mysql://ada:{SECRET}@localhost/books",
        f"postgresql://ada:{SECRET}/x@localhost:port/books",
        f"{SECRET}",
        f"postgresql+{SECRET}://localhost/books",
    ],
)
def test_a_wrong_database_stops_the_start_and_its_password_is_not_quoted(
    monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv("TOKENPAIR_DATABASE_URL", url)

    with pytest.raises(ConfigurationError) as caught:
        Auth.from_settings()

    assert SECRET not in str(caught.value)
    assert SECRET not in str(caught.value.__cause__)


@pytest.mark.parametrize(
    "password", ["p@hunter2", "12/hunter2", "12?hunter2", "12#hunter2", "hunter2:"]
)
def test_an_unescaped_valkey_password_is_refused_with_what_to_write_and_never_shown(
    password: str,
) -> None:
    with pytest.raises(ConfigurationError, match="write @ as %40") as caught:
        ValkeyWakeUp(f"valkey://:{password}@localhost:x")

    assert "hunter2" not in str(caught.value)


def test_no_repr_shows_a_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKENPAIR_KEYS", SECRET)
    monkeypatch.setenv("TOKENPAIR_DATABASE_URL", f"postgresql://ada:{SECRET}@localhost/books")

    settings = Settings.read()

    assert SECRET not in repr(settings) + str(settings) + settings.model_dump_json()


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("TOKENPAIR_ACESS_SECONDS", "TOKENPAIR_ACCESS_SECONDS"),
        ("TOKENPAIR_STRIKT", "TOKENPAIR_STRICT"),
        ("tokenpair_base_uri", "TOKENPAIR_BASE_URL"),
    ],
)
def test_a_misspelt_variable_stops_the_start_with_a_suggestion(
    monkeypatch: pytest.MonkeyPatch, name: str, meant: str
) -> None:
    monkeypatch.setenv(name, SECRET)

    with pytest.raises(ConfigurationError) as caught:
        Settings.read()

    assert str(caught.value) == f"there is no setting {name.upper()}; did you mean {meant}?"


def test_other_programs_variables_are_none_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKENPAIRING", "1")
    monkeypatch.setenv("BOOKLY_PORT", "1")

    assert Settings.read().is_production is False


def test_the_env_file_is_read_and_the_environment_goes_before_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / ".env").write_text(
        "TOKENPAIR_ACCESS_SECONDS=60\nTOKENPAIR_PASSWORD_MIN_LENGTH=20\nOTHER=1\n"
    )
    monkeypatch.setenv("TOKENPAIR_ACCESS_SECONDS", "90")

    settings = Settings.read()

    assert (settings.access_seconds, settings.password_min_length) == (90, 20)


def test_a_misspelt_variable_in_the_env_file_stops_the_start(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(f"TOKENPAIR_ACCESS_SECOND={SECRET}\n")

    with pytest.raises(ConfigurationError, match="did you mean TOKENPAIR_ACCESS_SECONDS"):
        Settings.read()


def test_what_is_given_goes_before_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKENPAIR_ACCESS_SECONDS", "90")

    assert Settings.read(access_seconds=30).access_seconds == 30


def test_an_empty_variable_counts_as_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKENPAIR_ACCESS_SECONDS", "")
    monkeypatch.setenv("TOKENPAIR_DATABASE_URL", "")

    settings = Settings.read()

    assert settings.access_seconds == 600
    assert settings.database_url is None


# White space and quotes around values, and variables of platforms.

AROUND = [
    pytest.param("{}\n", id="newline"),
    pytest.param("{}\r\n", id="crlf"),
    pytest.param(" \t{} ", id="spaces"),
    pytest.param('"{}"', id="quotes"),
    pytest.param("'{}'", id="single_quotes"),
    pytest.param(' " {} "\n', id="all_of_them"),
    pytest.param("\ufeff{}", id="bom"),
]
# Production requires these; they are read like any other.
BESIDE: dict[str, object] = {"base_url": "https://books.example.com"}


def secrets_of(settings: BaseSettings) -> dict[str, object]:
    return {
        name: value.get_secret_value() if isinstance(value, SecretStr) else value
        for name, value in settings
    }


def all_settings() -> list[Any]:
    kinds: list[type[EnvironmentSettings]] = [Settings, _Listening]
    return [
        pytest.param(kind, field, id=f"{kind.__name__}-{field}")
        for kind in kinds
        for field in kind.model_fields
    ]


@pytest.mark.parametrize("around", AROUND)
@pytest.mark.parametrize(("kind", "field"), all_settings())
def test_what_surrounds_a_value_changes_nothing(
    monkeypatch: pytest.MonkeyPatch, kind: type[EnvironmentSettings], field: str, around: str
) -> None:
    example = (kind.model_fields[field].examples or [""])[0]
    given = (
        BESIDE | {"keys_file": "keys.json", "trusted_proxy_hops": 0}
        if field == "environment"
        else {}
    )
    name = f"{kind.model_config['env_prefix']}{field}".upper()

    monkeypatch.setenv(name, example)
    plain = read_settings(kind, **given)
    monkeypatch.setenv(name, around.format(example))
    surrounded = read_settings(kind, **given)

    assert secrets_of(surrounded) == secrets_of(plain)
    assert field in surrounded.model_fields_set


@pytest.mark.parametrize("empty", ["", " ", "\n", '""', "''", "\ufeff"])
@pytest.mark.parametrize(("kind", "field"), all_settings())
def test_an_empty_value_means_unset(
    monkeypatch: pytest.MonkeyPatch, kind: type[EnvironmentSettings], field: str, empty: str
) -> None:
    plain = read_settings(kind)

    monkeypatch.setenv(f"{kind.model_config['env_prefix']}{field}".upper(), empty)

    assert read_settings(kind) == plain


def test_an_empty_variable_does_not_hide_the_env_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / ".env").write_text("TOKENPAIR_ACCESS_SECONDS=90\n")
    monkeypatch.setenv("TOKENPAIR_ACCESS_SECONDS", " \n")

    assert Settings.read().access_seconds == 90


def test_what_surrounds_a_given_value_changes_nothing() -> None:
    settings = Settings.read(
        base_url=" https://books.example.com\n", database_url="sqlite:///a\r\n"
    )

    assert settings.base_url == "https://books.example.com"
    assert settings.database_url == SecretStr("sqlite:///a")


def test_an_env_file_may_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("TOKENPAIR_ACCESS_SECONDS=90\r\n", encoding="utf-8-sig")

    assert Settings.read().access_seconds == 90


@pytest.mark.parametrize("name", ["BASE_URL", "ISSUER", "AUDIENCE"])
def test_a_line_break_inside_a_name_is_refused(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(f"TOKENPAIR_{name}", "https://books.exa\nmple.com")

    with pytest.raises(ConfigurationError, match=f"^TOKENPAIR_{name}: must not contain"):
        Settings.read()


def of_a_service(name: str) -> dict[str, str]:
    """Return the variables that Kubernetes sets in each container of a Service's namespace."""
    return {
        f"{name}_SERVICE_HOST": "10.0.0.7",
        f"{name}_SERVICE_PORT": "8000",
        f"{name}_SERVICE_PORT_HTTP": "8000",
        f"{name}_PORT": "tcp://10.0.0.7:8000",
        f"{name}_PORT_8000_TCP": "tcp://10.0.0.7:8000",
        f"{name}_PORT_8000_TCP_PROTO": "tcp",
        f"{name}_PORT_8000_TCP_PORT": "8000",
        f"{name}_PORT_8000_TCP_ADDR": "10.0.0.7",
    }


@pytest.mark.parametrize("service", ["TOKENPAIR", "TOKENPAIR_DB", "BOOKLY", "BOOKLY_WEB"])
def test_a_kubernetes_service_of_our_name_stops_no_start(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, service: str
) -> None:
    (tmp_path / ".env").write_text("BOOKLY_PORT=9000\n")
    for name, value in of_a_service(service).items():
        monkeypatch.setenv(name, value)

    assert BooklySettings.read().port == 9000


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TOKENPAIR_PORT", "8000"),
        ("TOKENPAIR_SERVICE", "10.0.0.7"),
        ("TOKENPAIR_DATABASE_PORT", "5432"),
        ("TOKENPAIR_PORT_TCP", "tcp://10.0.0.7:8000"),
        ("BOOKLY_PROT", "tcp://10.0.0.7:8000"),
    ],
)
def test_what_only_resembles_a_service_is_still_a_misspelt_variable(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)

    with pytest.raises(ConfigurationError, match=f"there is no setting {name}"):
        BooklySettings.read()


def test_a_setting_of_an_app_may_be_named_like_a_services_variable(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Shop(EnvironmentSettings, env_prefix="SHOP_"):
        payment_service_host: str = "localhost"

    monkeypatch.setenv("SHOP_PAYMENT_SERVICE_HOST", "10.0.0.9")

    assert read_settings(Shop).payment_service_host == "10.0.0.9"


def test_a_slash_at_the_end_of_the_base_url_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKENPAIR_BASE_URL", "https://books.example.com/")

    assert Settings.read().base_url == "https://books.example.com"


# Settings that exclude each other.


@pytest.mark.parametrize(
    ("given", "named"),
    [
        pytest.param({"keys": SECRET, "keys_file": "keys.json"}, "KEYS_FILE", id="keys_twice"),
        pytest.param({"argon2_memory_kib": 47103}, "ARGON2_MEMORY_KIB", id="weak_one_pass"),
        pytest.param(
            {"argon2_memory_kib": 19455, "argon2_time": 2}, "ARGON2_MEMORY_KIB", id="weak_two"
        ),
        pytest.param(
            {"argon2_memory_kib": 7167, "argon2_time": 9}, "ARGON2_MEMORY_KIB", id="weak_nine"
        ),
        pytest.param({"poll_milliseconds": 2501}, "MAX_STALENESS_SECONDS", id="rare_looks"),
    ],
)
def test_settings_that_do_not_go_together_stop_the_start(
    given: dict[str, object], named: str
) -> None:
    with pytest.raises(ConfigurationError, match=f"TOKENPAIR_{named}") as caught:
        Settings.read(**given)

    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    "given",
    [
        {"argon2_memory_kib": 19456, "argon2_time": 2},
        {"argon2_memory_kib": 12288, "argon2_time": 3},
        {"argon2_memory_kib": 9216, "argon2_time": 4},
        {"argon2_memory_kib": 7168, "argon2_time": 5},
    ],
)
def test_more_passes_may_take_less_memory(given: dict[str, int]) -> None:
    assert Settings.read(**given).argon2_memory_kib == given["argon2_memory_kib"]


@pytest.mark.parametrize(
    ("given", "named"),
    [
        pytest.param({"repeat_window_seconds": 121}, "REPEAT_WINDOW_SECONDS", id="windows"),
        pytest.param({"refresh_idle_seconds": 720}, "REFRESH_IDLE_SECONDS", id="idle"),
    ],
)
def test_windows_and_lifetimes_must_fit(given: dict[str, object], named: str) -> None:
    with pytest.raises(ConfigurationError, match=f"TOKENPAIR_{named}"):
        Auth.from_settings(Settings.read(**given))


# Limits.


def test_counters_in_valkey_need_its_url() -> None:
    with pytest.raises(ConfigurationError, match="TOKENPAIR_VALKEY_URL must be set"):
        Settings.read(limits="valkey")


@pytest.mark.parametrize(
    ("limits", "kind"),
    [("on", OpenLimits), ("off", NoLimits), ("valkey", ValkeyLimits)],
)
def test_attempts_are_counted_where_the_setting_says(
    tmp_path: Path, limits: str, kind: type
) -> None:
    url = "valkey://localhost:6379"
    settings = Settings.read(data_dir=tmp_path, limits=limits, valkey_url=url)

    assert isinstance(Auth.from_settings(settings)._parts.limit_counters, kind)


# Production.


@pytest.mark.parametrize(
    ("given", "named"),
    [
        pytest.param({"base_url": "https://books.example.com"}, "KEYS_FILE", id="no_keys"),
        pytest.param({"keys_file": "keys.json"}, "BASE_URL", id="no_base_url"),
        pytest.param(
            {"keys_file": "keys.json", "base_url": "http://books.example.com"},
            "BASE_URL",
            id="plain_http",
        ),
        pytest.param(
            {"keys_file": "keys.json", "base_url": "https://books.example.com"},
            "TRUSTED_PROXY_HOPS",
            id="no_proxy_hops",
        ),
    ],
)
def test_production_is_refused_what_is_only_for_development(
    given: dict[str, object], named: str
) -> None:
    with pytest.raises(ConfigurationError, match=f"TOKENPAIR_{named}"):
        Settings.read(environment="production", **given)


async def test_production_makes_and_migrates_nothing_by_itself(tmp_path: Path) -> None:
    settings = Settings.read(
        environment="production",
        keys=json.dumps(Keyring([Key.generate()]).to_private_jwks()),
        base_url="https://books.example.com",
        trusted_proxy_hops=0,
        database_url=f"sqlite:///{tmp_path / 'books.db'}",
        mail="off",
    )
    auth = Auth.from_settings(settings)

    with pytest.raises(ConfigurationError, match="tokenpair db upgrade"):
        await auth.open()
    await auth.close()

    assert list(tmp_path.iterdir()) == []


def test_production_does_not_make_a_missing_key_file(tmp_path: Path) -> None:
    settings = Settings.read(
        environment="production",
        keys_file=tmp_path / "keys.json",
        base_url="https://books.example.com",
        trusted_proxy_hops=0,
        database_url=f"sqlite:///{tmp_path / 'books.db'}",
    )

    with pytest.raises(ConfigurationError, match=r"keys\.json cannot be read"):
        Auth.from_settings(settings)

    assert not (tmp_path / "keys.json").exists()


def test_production_is_refused_a_key_that_development_has_made(tmp_path: Path) -> None:
    Auth.from_settings(Settings.read(data_dir=tmp_path))
    production = Settings.read(
        environment="production",
        keys_file=tmp_path / "keys.json",
        base_url="https://books.example.com",
        trusted_proxy_hops=0,
        database_url=f"sqlite:///{tmp_path / 'books.db'}",
    )

    with pytest.raises(ConfigurationError, match="was made by the app itself, for development"):
        Auth.from_settings(production)


async def test_development_makes_all_it_needs(tmp_path: Path) -> None:
    auth = Auth.from_settings()

    async with auth:
        await auth.require_ready()

    made = {path.name for path in (tmp_path / "data").iterdir()}
    assert {"keys.json", "tokenpair.db"} <= made


def test_a_dotenv_file_that_is_no_text_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_bytes(b"TOKENPAIR_STRICT=\xff\xfe\n")

    with pytest.raises(ConfigurationError, match=r"^\.env cannot be read as UTF-8 text$"):
        Settings.read()
