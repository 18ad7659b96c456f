"""Wake-ups by Valkey or Redis."""

import re
from collections.abc import AsyncIterator

from tokenpair.errors import ConfigurationError, Unavailable

CHANNEL = "tokenpair:revocation"
_SECONDS = 5
_UNREADABLE = (
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
        raise ConfigurationError(_UNREADABLE)
    return url.replace("valkey", "redis", 1) if url.startswith("valkey") else url


class ValkeyWakeUp:
    """Publishes, and subscribes. A message without a subscriber is lost, which is fine."""

    def __init__(self, url: str) -> None:
        """Raises `ConfigurationError`, also when the client is not installed."""
        try:
            import redis.asyncio as redis  # noqa: PLC0415  An extra.
        except ModuleNotFoundError as exc:
            raise ConfigurationError(
                "the Valkey client is not installed: pip install 'tokenpair[redis]'"
            ) from exc
        self._errors = (redis.RedisError, OSError)
        try:
            self._client = redis.Redis.from_url(
                normalised(url),
                socket_connect_timeout=_SECONDS,
                socket_timeout=_SECONDS,
                health_check_interval=_SECONDS,
            )
        except ValueError:  # Its text quotes a part of the URL, perhaps of the password.
            raise ConfigurationError(_UNREADABLE) from None

    async def notify(self) -> None:
        try:
            await self._client.publish(CHANNEL, b"")
        except self._errors as exc:
            raise Unavailable(f"Valkey cannot be reached: {exc}") from exc

    async def notifications(self) -> AsyncIterator[None]:
        try:
            async with self._client.pubsub() as subscription:
                await subscription.subscribe(CHANNEL)
                # For what was published before the subscription.
                yield
                while True:
                    message = await subscription.get_message(
                        ignore_subscribe_messages=True, timeout=_SECONDS / 2
                    )
                    if message is not None:
                        yield
        except self._errors as exc:
            raise Unavailable(f"Valkey cannot be reached: {exc}") from exc

    async def close(self) -> None:
        await self._client.aclose()
