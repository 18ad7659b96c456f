"""Settings: the only module that reads the environment, and `.env`.

Every variable begins with TOKENPAIR_; `.env.example` lists them all. A wrong one stops the
start with one line that names it, what is wrong, and an example. Times are whole seconds.
"""

import difflib
import os
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal, Self, TypeVar
from urllib.parse import urlsplit

from dotenv import dotenv_values
from pydantic import AfterValidator, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from tokenpair.core.pair import Lifetimes
from tokenpair.core.password import MAX_PASSWORD_LENGTH, MIN_PASSWORD_FLOOR
from tokenpair.core.session import Windows
from tokenpair.errors import ConfigurationError
from tokenpair.passwords import Argon2Cost

__all__ = ["ENV_FILE", "PREFIX", "Settings", "read_settings"]

PREFIX = "TOKENPAIR_"
"""What every variable of `Settings` begins with."""

ENV_FILE = Path(".env")
"""The file that is read beside the environment."""


def _http_url(text: str) -> str:
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


SettingsT = TypeVar("SettingsT", bound=BaseSettings)
TEN_YEARS = 10 * 366 * 24 * 3600
Window = Annotated[int, Field(ge=0, le=TEN_YEARS)]
Lifetime = Annotated[int, Field(ge=1, le=TEN_YEARS)]
Url = Annotated[str, AfterValidator(_http_url)]


class Settings(BaseSettings):
    """What an operator decides. Read with `Settings.read()`."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_file=ENV_FILE, extra="ignore", frozen=True, env_ignore_empty=True
    )

    environment: Literal["development", "production"] = Field(
        "development", examples=["production"]
    )
    data_dir: Annotated[Path, AfterValidator(_folder)] = Field(Path("data"), examples=["./data"])
    database_url: SecretStr | None = Field(
        None, examples=["postgresql://user:password@localhost/bookly"]
    )
    keys: SecretStr | None = Field(None, examples=['{"keys": [...]}'])
    keys_file: Path | None = Field(None, examples=["/run/secrets/keys.json"])
    base_url: Url = Field("http://127.0.0.1:8000", examples=["https://books.example.com"])
    issuer: Annotated[str, Field(min_length=1, max_length=255)] | None = Field(
        None, examples=["https://books.example.com"]
    )
    audience: Annotated[str, Field(min_length=1, max_length=255)] | None = Field(
        None, examples=["https://books.example.com"]
    )
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


def read_settings(kind: type[SettingsT], **given: object) -> SettingsT:
    """Read settings of any kind, an app's own too; what is wrong is one line.

    Misspelt variables with the kind's prefix are refused: they would be ignored in silence,
    and their defaults used instead. Raises `ConfigurationError`.
    """
    _refuse_unknown(kind)
    try:
        return kind(**given)  # type: ignore[arg-type]  # Pydantic checks them.
    except ValidationError as exc:
        # Broken off from its cause, which quotes the values.
        raise ConfigurationError(_first_error(kind, exc)) from None


def _refuse_unknown(kind: type[BaseSettings]) -> None:
    known = [_variable(kind, field) for field in kind.model_fields]
    try:
        in_file = dotenv_values(ENV_FILE) if ENV_FILE.is_file() else {}
    except (OSError, UnicodeDecodeError) as exc:
        raise ConfigurationError(f"{ENV_FILE} cannot be read as UTF-8 text") from exc
    names = {name.upper() for name in (*os.environ, *in_file)}
    for name in sorted(names.difference(known)):
        if name.startswith(_variable(kind, "")):
            close = difflib.get_close_matches(name, known, n=1)
            hint = f"; did you mean {close[0]}?" if close else ""
            raise ConfigurationError(f"there is no setting {name}{hint}")


def _first_error(kind: type[BaseSettings], exc: ValidationError) -> str:
    error = exc.errors(include_input=False, include_url=False)[0]
    reason = error["msg"].removeprefix("Value error, ").removeprefix("Input ")
    if not error["loc"]:
        return reason
    field = str(error["loc"][0])
    example = (kind.model_fields[field].examples or [""])[0]
    reason = f"{reason[:1].lower()}{reason[1:]}"
    return f"{_variable(kind, field)}: {reason}, for example {example}"


def _variable(kind: type[BaseSettings], field: str) -> str:
    return f"{kind.model_config.get('env_prefix', '')}{field}".upper()
