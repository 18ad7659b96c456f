"""Whether attempts are limited, and where they are counted."""

from typing import Literal

from pydantic import Field

from tokenpair.settings.environment import EnvironmentSettings


class LimitSettings(EnvironmentSettings):
    """Limits: counted in the database, in Valkey, or off."""

    limits: Literal["on", "valkey", "off"] = Field("on", examples=["on"])
