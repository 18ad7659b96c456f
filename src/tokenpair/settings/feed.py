"""How a worker learns what has been revoked, and how many verified tokens it remembers."""

from datetime import timedelta
from typing import Self

from pydantic import Field, SecretStr, model_validator

from tokenpair.core.sessions.revocation import MAX_STALENESS, POLL, SQLITE_POLL
from tokenpair.core.tokens.verified import CACHE_SIZE
from tokenpair.options import FeedOptions
from tokenpair.settings.database import DatabaseSettings
from tokenpair.settings.fields import PREFIX, whole_seconds


class FeedSettings(DatabaseSettings):
    """Wake-ups, polling and the cache of verified tokens."""

    valkey_url: SecretStr | None = Field(None, examples=["valkey://localhost:6379"])
    poll_milliseconds: int | None = Field(None, ge=10, le=60_000, examples=["250"])
    max_staleness_seconds: int = Field(whole_seconds(MAX_STALENESS), ge=1, le=600, examples=["5"])
    token_cache_size: int = Field(CACHE_SIZE, ge=0, le=10_000_000, examples=["10000"])

    @model_validator(mode="after")
    def _require_two_polls_in_time(self) -> Self:
        if self.poll > timedelta(seconds=self.max_staleness_seconds) / 2:
            raise ValueError(
                f"{PREFIX}MAX_STALENESS_SECONDS must be at least twice as long as "
                f"{PREFIX}POLL_MILLISECONDS: otherwise requests are refused between two polls"
            )
        return self

    @property
    def poll(self) -> timedelta:
        """Longest pause between two polls; shorter on SQLite, which has no wake-ups."""
        if self.poll_milliseconds is not None:
            return timedelta(milliseconds=self.poll_milliseconds)
        url = self.database_url.get_secret_value() if self.database_url else "sqlite"
        return SQLITE_POLL if url.startswith("sqlite") else POLL

    @property
    def feed_options(self) -> FeedOptions:
        """How a worker follows the revocations, without the wake-ups."""
        return FeedOptions(
            poll=self.poll, max_staleness=timedelta(seconds=self.max_staleness_seconds)
        )
