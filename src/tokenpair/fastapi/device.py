"""The device of a request, by its headers and address. A client can forge all of it."""

from starlette.requests import HTTPConnection

from tokenpair.core.sessions.client import Device

MAX_USER_AGENT_LENGTH = 256
MAX_ADDRESS_LENGTH = 64


def device_of(request: HTTPConnection, *, proxy_hops: int) -> Device:
    """Return the user agent, shortened and without control characters, and the client's address."""
    return Device(
        user_agent=_printable(request.headers.get("user-agent", ""), MAX_USER_AGENT_LENGTH),
        ip=client_address(request, proxy_hops=proxy_hops),
    )


def client_address(request: HTTPConnection, *, proxy_hops: int) -> str | None:
    """Return the address that is `proxy_hops` trusted proxies away.

    Each trusted proxy appends the address that it saw to X-Forwarded-For, so the client's address
    is at this place from the right. The client may have written everything further left. Without
    trusted proxies, the header is ignored.
    """
    seen = [request.client.host] if request.client else []
    if proxy_hops:
        forwarded = ",".join(request.headers.getlist("X-Forwarded-For")).split(",")
        seen = [*(address.strip() for address in forwarded if address.strip()), *seen]
    farthest_trusted = max(len(seen) - 1 - proxy_hops, 0)
    return _printable(seen[farthest_trusted], MAX_ADDRESS_LENGTH) if seen else None


def _printable(text: str, length: int) -> str | None:
    """Shorten a client's text, and remove what could control a terminal or forge a log line."""
    return "".join(each for each in text if each.isprintable())[:length] or None
