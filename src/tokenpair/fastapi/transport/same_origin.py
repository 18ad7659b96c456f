"""The check that a page of ours sends a request, and not a page of another site.

A browser attaches cookies to requests of any page. `Host` proves nothing: the browser of a victim
sends the right one. Scripts cannot set `Sec-Fetch-Site` and `Origin`, and a page of another origin
cannot set a header of its own unless CORS allows it.
"""

from collections.abc import Container

from fastapi import Request

from tokenpair.fastapi.problems.errors import CrossSite

MARK = "X-Tokenpair"
"""The header that each request with the cookie has. At a log-in, "cookie" asks for the cookie."""


def require_same_origin(request: Request, origins: Container[str]) -> None:
    """Require the mark, and that the browser says that a page of an allowed origin sends it.

    Raises `CrossSite`, also for a client that does not say where the request comes from.
    """
    headers = request.headers
    if MARK not in headers:
        raise CrossSite("no header X-Tokenpair")
    if headers.getlist("Sec-Fetch-Site") == ["same-origin"]:
        return
    origin = headers.getlist("Origin")
    if len(origin) != 1 or origin[0] not in origins:
        raise CrossSite("neither from the same origin nor from an allowed one")
