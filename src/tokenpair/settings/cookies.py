"""Whether pages may keep the refresh token in a cookie, and which other origins may call."""

import re
from typing import Annotated

from pydantic import AfterValidator, Field

from tokenpair.core.origin import parse_origin
from tokenpair.settings.environment import EnvironmentSettings


def _origins(text: str) -> str:
    return " ".join(parse_origin(each) for each in re.split(r"[\s,]+", text) if each)


class CookieSettings(EnvironmentSettings):
    """Whether cookie mode is on, and the exact origins, separated by spaces or commas."""

    cookies: bool = Field(False, examples=["true"])
    cors_origins: Annotated[str, AfterValidator(_origins)] = Field(
        "", examples=["https://app.example.com"]
    )

    @property
    def allowed_origins(self) -> frozenset[str]:
        """The origins in `cors_origins`."""
        return frozenset(self.cors_origins.split())
