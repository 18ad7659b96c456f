"""What a request shows of the device it comes from. Any of it may be a lie."""

from starlette.requests import Request

from tokenpair.core.sessions.client import Device

MAX_USER_AGENT_LENGTH = 256
MAX_ADDRESS_LENGTH = 64


def device_of(request: Request, *, proxy_hops: int) -> Device:
    """Read the user agent, cut and without control characters, and the client's address."""
    return Device(
        user_agent=_printable(request.headers.get("user-agent", ""), MAX_USER_AGENT_LENGTH),
        ip=client_address(request, proxy_hops=proxy_hops),
    )


def client_address(request: Request, *, proxy_hops: int) -> str | None:
    """Give the address that is `proxy_hops` trusted proxies away.

    Each trusted proxy has appended the address that it saw to X-Forwarded-For, so the client's
    is that many from the right; what lies further left, the client itself may have written.
    With no trusted proxies the header means nothing.
    """
    seen = [request.client.host] if request.client else []
    if proxy_hops:
        forwarded = ",".join(request.headers.getlist("X-Forwarded-For")).split(",")
        seen = [*(address.strip() for address in forwarded if address.strip()), *seen]
    farthest_trusted = max(len(seen) - 1 - proxy_hops, 0)
    return _printable(seen[farthest_trusted], MAX_ADDRESS_LENGTH) if seen else None


def _printable(text: str, length: int) -> str | None:
    """Cut a stranger's text, and leave out what could play tricks on a terminal or a log."""
    return "".join(each for each in text if each.isprintable())[:length] or None
