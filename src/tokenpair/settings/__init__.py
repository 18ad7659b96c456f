"""Settings: what an operator decides, in the environment or `.env`.

Every variable begins with TOKENPAIR_; `.env.example` lists them all. A wrong one stops the
start with one line that names it, what is wrong, and an example. Times are whole seconds.
"""

from datetime import timedelta
from pathlib import Path
from typing import Annotated, ClassVar, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr, model_validator
from pydantic_settings import SettingsConfigDict

from tokenpair.core.accounts.password_policy import MAX_PASSWORD_LENGTH, MIN_PASSWORD_FLOOR
from tokenpair.core.sessions.rule import Windows
from tokenpair.core.tokens.lifetimes import Lifetimes
from tokenpair.passwords import DEFAULT_WAITING, Argon2Cost
from tokenpair.settings.environment import ENV_FILE, EnvironmentSettings, read_settings

__all__ = ["ENV_FILE", "PREFIX", "EnvironmentSettings", "Settings", "read_settings"]

PREFIX = "TOKENPAIR_"
"""What every variable of `Settings` begins with."""


def _printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("must not contain control characters")
    return text


def _http_url(text: str) -> str:
    if " " in text:
        raise ValueError("must not contain spaces")
    parts = urlsplit(text)
    if parts.scheme not in {"http", "https"} or not parts.netloc:
        raise ValueError("must be an http or https URL")
    if parts.query or parts.fragment or "@" in parts.netloc:
        raise ValueError("must be a URL without user, query or fragment")
    return text.rstrip("/")


def _folder(path: Path) -> Path:
    if "?" in str(path):
        raise ValueError("must not contain a question mark")  # A database URL ends there.
    return path


TEN_YEARS = 10 * 366 * 24 * 3600
Window = Annotated[int, Field(ge=0, le=TEN_YEARS)]
Lifetime = Annotated[int, Field(ge=1, le=TEN_YEARS)]
Url = Annotated[str, AfterValidator(_printable), AfterValidator(_http_url)]
Name = Annotated[str, Field(min_length=1, max_length=255), AfterValidator(_printable)]


class Settings(EnvironmentSettings):
    """What an operator decides. Read with `Settings.read()`."""

    model_config: ClassVar[SettingsConfigDict] = SettingsConfigDict(env_prefix=PREFIX)

    environment: Literal["development", "production"] = Field(
        "development", examples=["production"]
    )
    data_dir: Annotated[Path, AfterValidator(_folder)] = Field(Path("data"), examples=["./data"])
    database_url: SecretStr | None = Field(
        None, examples=["postgresql://user:password@localhost/bookly"]
    )
    database_pool_size: int | None = Field(None, ge=1, le=1000, examples=["10"])
    keys: SecretStr | None = Field(None, examples=['{"keys": [...]}'])
    keys_file: Path | None = Field(None, examples=["/run/secrets/keys.json"])
    base_url: Url = Field("http://127.0.0.1:8000", examples=["https://books.example.com"])
    issuer: Name | None = Field(None, examples=["https://books.example.com"])
    audience: Name | None = Field(None, examples=["https://books.example.com"])
    access_seconds: Lifetime = Field(600, examples=["600"])
    refresh_idle_seconds: Lifetime = Field(604800, examples=["604800"])
    session_seconds: Lifetime = Field(2592000, examples=["2592000"])
    repeat_window_seconds: Window = Field(10, examples=["10"])
    superseded_window_seconds: Window = Field(120, examples=["120"])
    strict: bool = Field(False, examples=["true"])
    valkey_url: SecretStr | None = Field(None, examples=["valkey://localhost:6379"])
    poll_milliseconds: int | None = Field(None, ge=10, le=60_000, examples=["250"])
    max_staleness_seconds: int = Field(5, ge=1, le=600, examples=["5"])
    token_cache_size: int = Field(10_000, ge=0, le=10_000_000, examples=["10000"])
    trusted_proxy_hops: int = Field(0, ge=0, le=10, examples=["1"])
    argon2_memory_kib: int = Field(47104, le=4 * 1024 * 1024, examples=["47104"])
    argon2_time: int = Field(1, ge=1, le=100, examples=["1"])
    argon2_parallelism: int = Field(1, ge=1, le=64, examples=["1"])
    password_threads: int | None = Field(None, ge=1, le=256, examples=["2"])
    password_waiting: int = Field(DEFAULT_WAITING, ge=0, le=100_000, examples=["100"])
    password_min_length: int = Field(
        15, ge=MIN_PASSWORD_FLOOR, le=MAX_PASSWORD_LENGTH, examples=["15"]
    )

    @classmethod
    def read(cls, **given: object) -> Self:
        """Read the environment and `.env`; `given` (by field name) goes before both.

        Raises `ConfigurationError`.
        """
        return read_settings(cls, **given)

    @model_validator(mode="after")
    def _refuse_what_cannot_go_together(self) -> Self:
        # The weakest rows of OWASP's Password Storage Cheat Sheet.
        floor = {1: 47104, 2: 19456, 3: 12288, 4: 9216}.get(self.argon2_time, 7168)
        if self.argon2_memory_kib < floor:
            raise ValueError(
                f"{PREFIX}ARGON2_MEMORY_KIB must be at least {floor} "
                f"with {PREFIX}ARGON2_TIME={self.argon2_time}"
            )
        if self.keys and self.keys_file:
            raise ValueError(f"{PREFIX}KEYS and {PREFIX}KEYS_FILE exclude each other: set one")
        if self.poll > timedelta(seconds=self.max_staleness_seconds) / 2:
            raise ValueError(
                f"{PREFIX}MAX_STALENESS_SECONDS must be at least twice as long as "
                f"{PREFIX}POLL_MILLISECONDS: else requests are refused between two looks"
            )
        if self.is_production:
            self._require_for_production()
        return self

    def _require_for_production(self) -> None:
        if not self.keys and not self.keys_file:
            raise ValueError(
                f"{PREFIX}KEYS_FILE must be set in production; "
                "make one with: tokenpair keys new --file keys.json"
            )
        if not self.base_url.startswith("https://"):
            raise ValueError(
                f"{PREFIX}BASE_URL must be set to an https URL in production, "
                "for example https://books.example.com"
            )

    @property
    def is_production(self) -> bool:
        """Is this the real thing? Then nothing is made or migrated by itself."""
        return self.environment == "production"

    @property
    def lifetimes(self) -> Lifetimes:
        """How long tokens and sessions live."""
        return Lifetimes(
            access=timedelta(seconds=self.access_seconds),
            idle=timedelta(seconds=self.refresh_idle_seconds),
            session=timedelta(seconds=self.session_seconds),
        )

    @property
    def windows(self) -> Windows:
        """What haste the renewal rule forgives."""
        return Windows(
            repeat=timedelta(seconds=self.repeat_window_seconds),
            superseded=timedelta(seconds=self.superseded_window_seconds),
            strict=self.strict,
        )

    @property
    def poll(self) -> timedelta:
        """How often to look for revocations: on SQLite, which nobody can wake, more often."""
        if self.poll_milliseconds is not None:
            return timedelta(milliseconds=self.poll_milliseconds)
        url = self.database_url.get_secret_value() if self.database_url else "sqlite"
        return timedelta(milliseconds=50 if url.startswith("sqlite") else 250)

    @property
    def argon2_cost(self) -> Argon2Cost:
        """What one password hash costs."""
        return Argon2Cost(
            memory_kib=self.argon2_memory_kib,
            time=self.argon2_time,
            parallelism=self.argon2_parallelism,
        )
