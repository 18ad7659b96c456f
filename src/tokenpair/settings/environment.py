"""Read settings from the environment and `.env`, as platforms and people write them there.

White space, a byte order mark and a pair of quotes around a value are dropped: a secret file
ends with a newline, and `docker run --env-file` keeps quotes. An empty value means unset. The
variables that Kubernetes adds to the environment of each container are not settings.
"""

import difflib
import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import ClassVar, TypeVar

from dotenv import dotenv_values
from pydantic import ValidationError
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from tokenpair.errors import ConfigurationError

ENV_FILE = Path(".env")
"""The file that is read in addition to the environment."""

# Kubernetes sets variables in each container for each Service of its namespace. For a Service
# "bookly": BOOKLY_SERVICE_HOST, BOOKLY_PORT=tcp://10.0.0.7:8000 and more.
# https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables
_SERVICE_NAME = re.compile(
    r"\w+?_(SERVICE_(HOST|PORT(_\w+)?)|PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)"
)
_SERVICE_ADDRESS = re.compile(r"(tcp|udp|sctp)://\S+:\d+")

SettingsT = TypeVar("SettingsT", bound=BaseSettings)


class EnvironmentSettings(BaseSettings):
    """The base class of settings that are read with `read_settings`.

    A child class sets its prefix: `class Mine(EnvironmentSettings, env_prefix="MINE_")`.
    """

    model_config: ClassVar[SettingsConfigDict] = SettingsConfigDict(
        env_file=ENV_FILE, env_file_encoding="utf-8-sig", extra="ignore", frozen=True
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003  Not used by us.
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Clean the values of each source before merging; an empty one hides no other source."""
        for source in (env_settings, dotenv_settings):
            if isinstance(source, EnvSettingsSource):
                source.env_vars = _cleaned(source.env_vars)
        if isinstance(env_settings, EnvSettingsSource):
            env_settings.env_vars = _without_services(env_settings.env_vars)
        return init_settings, env_settings, dotenv_settings


def read_settings(kind: type[SettingsT], **given: object) -> SettingsT:
    """Read settings of any kind, an app's own included.

    Raises `ConfigurationError` with a message of one line, also for an unknown variable with the
    kind's prefix: it is probably misspelt, and the default would be used without notice.
    """
    _refuse_unknown(kind)
    cleaned = {
        name: clean(value) if isinstance(value, str) else value for name, value in given.items()
    }
    try:
        return kind(**cleaned)  # type: ignore[arg-type]  # Pydantic validates them.
    except ValidationError as exc:
        # Not `from exc`: the cause quotes the values.
        raise ConfigurationError(_first_error(kind, exc)) from None


def clean(value: str) -> str:
    """Return a value without white space, a byte order mark or quotes around it."""
    value = value.strip().removeprefix("\ufeff").strip()
    if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'":
        value = value[1:-1].strip()
    return value


def _cleaned(variables: Mapping[str, str | None]) -> dict[str, str | None]:
    """Clean values and drop empty ones, which count as unset."""
    return {name: value for name, raw in variables.items() if raw and (value := clean(raw))}


def _without_services(variables: Mapping[str, str | None]) -> dict[str, str | None]:
    return {name: value for name, value in variables.items() if not _is_address(name, value or "")}


def _is_address(name: str, value: str) -> bool:
    """Is this a variable in which Kubernetes gives the address of a Service?"""
    return name.upper().endswith("_PORT") and _SERVICE_ADDRESS.fullmatch(value) is not None


def _is_of_a_service(name: str, value: str) -> bool:
    return _is_address(name, value) or _SERVICE_NAME.fullmatch(name.upper()) is not None


def _refuse_unknown(kind: type[BaseSettings]) -> None:
    known = [_variable(kind, field) for field in kind.model_fields]
    try:
        in_file = dotenv_values(ENV_FILE, encoding="utf-8-sig") if ENV_FILE.is_file() else {}
    except (OSError, UnicodeDecodeError) as exc:
        raise ConfigurationError(f"{ENV_FILE} cannot be read as UTF-8 text") from exc
    in_environment = [
        name for name, value in os.environ.items() if not _is_of_a_service(name, value)
    ]
    for name in _unknown((*in_environment, *in_file), known):
        if name.startswith(_variable(kind, "")):
            close = difflib.get_close_matches(name, known, n=1)
            hint = f"; did you mean {close[0]}?" if close else ""
            raise ConfigurationError(f"there is no setting {name}{hint}")


def _unknown(names: Iterable[str], known: Iterable[str]) -> list[str]:
    return sorted({name.upper() for name in names}.difference(known))


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
