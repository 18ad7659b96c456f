"""How long tokens and sessions live, and what renewal forgives."""

from datetime import timedelta

from pydantic import Field

from tokenpair.core.sessions.rule import Windows
from tokenpair.core.tokens.lifetimes import Lifetimes
from tokenpair.settings.environment import EnvironmentSettings
from tokenpair.settings.fields import Lifetime, Window, whole_seconds

_LIFETIMES = Lifetimes()
_WINDOWS = Windows()


class SessionSettings(EnvironmentSettings):
    """Lifetimes and windows. Their defaults are those of `Lifetimes` and `Windows`."""

    access_seconds: Lifetime = Field(whole_seconds(_LIFETIMES.access), examples=["600"])
    refresh_idle_seconds: Lifetime = Field(whole_seconds(_LIFETIMES.idle), examples=["604800"])
    session_seconds: Lifetime = Field(whole_seconds(_LIFETIMES.session), examples=["2592000"])
    repeat_window_seconds: Window = Field(whole_seconds(_WINDOWS.repeat), examples=["10"])
    superseded_window_seconds: Window = Field(whole_seconds(_WINDOWS.superseded), examples=["120"])
    strict: bool = Field(_WINDOWS.strict, examples=["true"])

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
        """The windows in which renewal accepts an older refresh token."""
        return Windows(
            repeat=timedelta(seconds=self.repeat_window_seconds),
            superseded=timedelta(seconds=self.superseded_window_seconds),
            strict=self.strict,
        )
