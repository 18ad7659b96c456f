"""What a password hash costs, how many run at once, and which passwords are valid."""

import re
from datetime import timedelta
from typing import Self

from pydantic import Field, model_validator

from tokenpair.core.accounts.password_policy import (
    MAX_PASSWORD_LENGTH,
    MIN_PASSWORD_FLOOR,
    MIN_PASSWORD_LENGTH,
)
from tokenpair.options import BREACH_TIMEOUT, BreachOptions
from tokenpair.passwords import MAX_WAITING, Argon2Cost
from tokenpair.settings.environment import EnvironmentSettings
from tokenpair.settings.fields import PREFIX, whole_seconds

_COST = Argon2Cost()

_LEAST_MEMORY_KIB = {1: 47104, 2: 19456, 3: 12288, 4: 9216}
"""Memory that OWASP's Password Storage Cheat Sheet requires at least, by passes."""

_LEAST_MEMORY_KIB_OF_MORE = 7168


class PasswordSettings(EnvironmentSettings):
    """Hashing of passwords, and their length."""

    argon2_memory_kib: int = Field(_COST.memory_kib, le=4 * 1024 * 1024, examples=["47104"])
    argon2_time: int = Field(_COST.time, ge=1, le=100, examples=["1"])
    argon2_parallelism: int = Field(_COST.parallelism, ge=1, le=64, examples=["1"])
    password_threads: int | None = Field(None, ge=1, le=256, examples=["2"])
    password_waiting: int = Field(MAX_WAITING, ge=0, le=100_000, examples=["100"])
    password_min_length: int = Field(
        MIN_PASSWORD_LENGTH, ge=MIN_PASSWORD_FLOOR, le=MAX_PASSWORD_LENGTH, examples=["15"]
    )

    password_words: str = Field("", max_length=1000, examples=["bookly library"])
    breach_check_required: bool = Field(False, examples=["true"])
    breach_check_seconds: int = Field(whole_seconds(BREACH_TIMEOUT), ge=1, le=60, examples=["3"])

    @model_validator(mode="after")
    def _require_memory(self) -> Self:
        least = _LEAST_MEMORY_KIB.get(self.argon2_time, _LEAST_MEMORY_KIB_OF_MORE)
        if self.argon2_memory_kib < least:
            raise ValueError(
                f"{PREFIX}ARGON2_MEMORY_KIB must be at least {least} "
                f"with {PREFIX}ARGON2_TIME={self.argon2_time}"
            )
        return self

    @property
    def words_of_the_app(self) -> frozenset[str]:
        """The words in `password_words`, which have spaces or commas between them."""
        return frozenset(re.split(r"[\s,]+", self.password_words)) - {""}

    @property
    def breaches(self) -> BreachOptions:
        """What follows when a breach check fails. The check itself comes from the app."""
        return BreachOptions(
            required=self.breach_check_required,
            timeout=timedelta(seconds=self.breach_check_seconds),
        )

    @property
    def argon2_cost(self) -> Argon2Cost:
        """What one password hash costs."""
        return Argon2Cost(
            memory_kib=self.argon2_memory_kib,
            time=self.argon2_time,
            parallelism=self.argon2_parallelism,
        )
