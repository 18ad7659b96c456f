"""The client that a request comes from, as far as the library records it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """The device that a log-in comes from, as the list of sessions shows it to its owner.

    `user_agent` and `ip` are what the request says. None means unknown. In a route it is
    `tokenpair.fastapi.RequestDevice`.
    """

    user_agent: str | None = None
    ip: str | None = None
