"""Who may use the demo: a page of this server, in a browser on the same machine."""

import ipaddress
from urllib.parse import urlsplit

from fastapi import HTTPException, Request

from bookly.settings import BooklySettings

FORWARDED = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via")
"""Headers that a proxy adds: through one, every client seems to be on this machine."""


def is_offered(settings: BooklySettings, *, in_one_process: bool) -> bool:
    """Tell whether the app has the demo: in development, on a loopback address, in one process.

    The listener counts, too, because an operator may have forgotten `TOKENPAIR_ENVIRONMENT`. The
    sessions are in the memory of a process, so several would not know each other's.
    """
    return (
        not settings.auth.is_production
        and is_loopback(settings.host)
        and is_loopback(urlsplit(settings.auth.base_url).hostname)
        and in_one_process
    )


async def require_same_machine(request: Request) -> None:
    """Answer 404 to a request that may come from another machine."""
    if not is_same_machine(request):
        raise HTTPException(404)


def is_same_machine(request: Request) -> bool:
    """Tell whether a request comes from this machine, without a proxy.

    The settings do not show everything: an ASGI server of the operator's choice listens where it
    likes, and a proxy on this machine serves others. The `Host` also stops DNS rebinding.
    """
    ends = [request.scope.get("client"), request.scope.get("server")]
    is_near = all(end and is_loopback(end[0]) for end in ends)
    is_forwarded = any(name in request.headers for name in FORWARDED)
    return is_near and not is_forwarded and is_loopback(_host_of(request))


def _host_of(request: Request) -> str | None:
    """Return the name or the address in the `Host` header; None if it is invalid."""
    try:
        return urlsplit(f"//{request.headers.get('host', '')}").hostname
    except ValueError:
        return None


def is_loopback(host: str | None) -> bool:
    """Tell whether a host, by its name or its address, is this machine's loopback interface."""
    if not host:
        return False
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
