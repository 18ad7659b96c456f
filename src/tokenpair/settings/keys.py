"""Where the signing keys come from."""

from pathlib import Path
from typing import Self

from pydantic import Field, SecretStr, model_validator

from tokenpair.settings.environment import EnvironmentSettings
from tokenpair.settings.fields import PREFIX


class KeySettings(EnvironmentSettings):
    """The signing keys, or the file that holds them."""

    keys: SecretStr | None = Field(None, examples=['{"keys": [...]}'])
    keys_file: Path | None = Field(None, examples=["/run/secrets/keys.json"])

    @model_validator(mode="after")
    def _require_one_place(self) -> Self:
        if self.keys and self.keys_file:
            raise ValueError(f"{PREFIX}KEYS and {PREFIX}KEYS_FILE exclude each other: set one")
        return self
