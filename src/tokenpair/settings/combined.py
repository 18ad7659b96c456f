"""All groups of settings as one."""

from typing import ClassVar, Self

from pydantic import model_validator
from pydantic_settings import SettingsConfigDict

from tokenpair.settings.application import ApplicationSettings
from tokenpair.settings.environment import read_settings
from tokenpair.settings.feed import FeedSettings
from tokenpair.settings.fields import PREFIX
from tokenpair.settings.keys import KeySettings
from tokenpair.settings.passwords import PasswordSettings
from tokenpair.settings.sessions import SessionSettings


class Settings(PasswordSettings, FeedSettings, SessionSettings, KeySettings, ApplicationSettings):
    """What an operator decides. Read with `Settings.read()`."""

    model_config: ClassVar[SettingsConfigDict] = SettingsConfigDict(env_prefix=PREFIX)

    @classmethod
    def read(cls, **given: object) -> Self:
        """Read the environment and `.env`; `given` (by field name) takes precedence over both.

        Raises `ConfigurationError`.
        """
        return read_settings(cls, **given)

    @model_validator(mode="after")
    def _require_for_production(self) -> Self:
        if not self.is_production:
            return self
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
        return self
