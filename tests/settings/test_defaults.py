"""The defaults: documented, and written in one place."""

from datetime import timedelta
from pathlib import Path

from tokenpair import Lifetimes, PasswordPolicy, Settings, Windows
from tokenpair.core.sessions.revocation import MAX_STALENESS, POLL, SQLITE_POLL
from tokenpair.core.tokens.verified import CACHE_SIZE
from tokenpair.passwords import MAX_WAITING, Argon2Cost


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


def test_settings_and_values_made_in_python_have_the_same_defaults() -> None:
    settings = Settings.read()

    assert settings.lifetimes == Lifetimes()
    assert settings.windows == Windows()
    assert settings.argon2_cost == Argon2Cost()
    assert settings.password_min_length == PasswordPolicy().min_length
    assert settings.password_waiting == MAX_WAITING
    assert settings.token_cache_size == CACHE_SIZE
    assert timedelta(seconds=settings.max_staleness_seconds) == MAX_STALENESS


def test_sqlite_is_polled_more_often() -> None:
    on_postgres = Settings.read(database_url="postgresql://localhost/bookly")

    assert (Settings.read().poll, on_postgres.poll) == (SQLITE_POLL, POLL)
    assert (timedelta(milliseconds=50), timedelta(milliseconds=250)) == (SQLITE_POLL, POLL)
