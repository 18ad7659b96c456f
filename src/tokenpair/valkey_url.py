"""The URL of a Valkey or Redis."""

import re

from tokenpair.errors import ConfigurationError

UNREADABLE = (
    "the Valkey URL cannot be read; in the user and the password, write @ as %40, : as %3A, "
    "/ as %2F, ? as %3F, # as %23 and % as %25"
)
_SCHEMES = ("valkey://", "valkeys://", "redis://", "rediss://", "unix://")


def normalised(url: str) -> str:
    """Return the URL with the scheme that redis-py reads. Raises `ConfigurationError`."""
    if not url.startswith(_SCHEMES):
        raise ConfigurationError("the Valkey URL must be valkey://… or redis://…")
    authority, *rest = re.split("[/?#]", url.partition("://")[2])
    # Otherwise a part of the password would be read as the host, and shown in errors.
    if authority.count("@") > 1 or any("@" in each for each in rest):
        raise ConfigurationError(UNREADABLE)
    return url.replace("valkey", "redis", 1) if url.startswith("valkey") else url
