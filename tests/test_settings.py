import json
from datetime import timedelta
from pathlib import Path

import pytest

from tokenpair import Auth, Key, Keyring, Settings
from tokenpair.errors import ConfigurationError
from tokenpair.passwords import Argon2Cost

SECRET = "canary7f3a"


@pytest.fixture(autouse=True)
def _empty_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for name in Settings.model_fields:
        monkeypatch.delenv(f"TOKENPAIR_{name.upper()}", raising=False)


def test_the_defaults_are_the_documented_ones() -> None:
    settings = Settings.read()

    assert settings.environment == "development"
    assert settings.data_dir == Path("data")
    assert settings.base_url == "http://127.0.0.1:8000"
    assert settings.lifetimes.access == timedelta(minutes=10)
    assert settings.lifetimes.idle == timedelta(days=7)
    assert settings.lifetimes.session == timedelta(days=30)
    assert settings.windows.repeat == timedelta(seconds=10)
    assert settings.windows.superseded == timedelta(seconds=120)
    assert settings.windows.strict is False
    assert settings.trusted_proxy_hops == 0
    assert settings.argon2_cost == Argon2Cost(memory_kib=47104, time=1, parallelism=1)
    assert settings.password_min_length == 15


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


def test_an_empty_variable_is_as_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKENPAIR_ACCESS_SECONDS", "")
    monkeypatch.setenv("TOKENPAIR_DATABASE_URL", "")

    settings = Settings.read()

    assert settings.access_seconds == 600
    assert settings.database_url is None


def test_a_slash_at_the_end_of_the_base_url_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKENPAIR_BASE_URL", "https://books.example.com/")

    assert Settings.read().base_url == "https://books.example.com"


# What cannot go together.


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
        database_url=f"sqlite:///{tmp_path / 'books.db'}",
    )
    auth = Auth.from_settings(settings)

    with pytest.raises(ConfigurationError, match="tokenpair db upgrade"):
        await auth.open()
    await auth.close()

    assert not (tmp_path / "data").exists()


def test_production_does_not_make_a_missing_key_file(tmp_path: Path) -> None:
    settings = Settings.read(
        environment="production",
        keys_file=tmp_path / "keys.json",
        base_url="https://books.example.com",
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
        database_url=f"sqlite:///{tmp_path / 'books.db'}",
    )

    with pytest.raises(ConfigurationError, match="was made by the app itself, for development"):
        Auth.from_settings(production)


async def test_development_makes_all_it_needs(tmp_path: Path) -> None:
    auth = Auth.from_settings()

    async with auth:
        await auth.check()

    made = {path.name for path in (tmp_path / "data").iterdir()}
    assert {"keys.json", "tokenpair.db"} <= made


def test_a_dotenv_file_that_is_no_text_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_bytes(b"TOKENPAIR_STRICT=\xff\xfe\n")

    with pytest.raises(ConfigurationError, match=r"^\.env cannot be read as UTF-8 text$"):
        Settings.read()
