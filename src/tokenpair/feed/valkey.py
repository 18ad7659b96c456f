"""Wake-ups by Valkey or Redis."""

from collections.abc import AsyncIterator

from tokenpair.errors import ConfigurationError, Unavailable
from tokenpair.reasons import reason_of
from tokenpair.valkey_url import UNREADABLE, normalised

CHANNEL = "tokenpair:revocation"
_SECONDS = 5


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
            raise ConfigurationError(UNREADABLE) from None

    async def notify(self) -> None:
        try:
            await self._client.publish(CHANNEL, b"")
        except self._errors as exc:
            raise Unavailable(f"Valkey cannot be reached: {reason_of(exc)}") from exc

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
            raise Unavailable(f"Valkey cannot be reached: {reason_of(exc)}") from exc

    async def close(self) -> None:
        await self._client.aclose()
