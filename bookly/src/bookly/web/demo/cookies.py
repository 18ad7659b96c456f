"""The two cookies of a demo session, and the check that a request comes from our own page."""

from urllib.parse import urlsplit

from fastapi import Request, Response

from tokenpair.fastapi import CrossSite

TOKEN = "__Host-bookly-demo"  # noqa: S105  The name of a cookie.
"""The cookie with the refresh token."""

HANDLE = "__Host-bookly-panel"
"""The cookie with the handle of the session that the panel shows. It opens nothing else."""

MARK = "X-Tokenpair"
"""A header that a page of another origin cannot send without permission."""


class OwnPage:
    """A dependency that requires that a page of this server sends the request, as cookie mode does.

    `Host` proves nothing: the browser of a victim sends the right one.
    """

    def __init__(self, base_url: str) -> None:
        parts = urlsplit(base_url)
        self._origin = f"{parts.scheme}://{parts.netloc}"

    async def __call__(self, request: Request) -> None:
        """Raises `CrossSite`, also if the request has neither `Sec-Fetch-Site` nor `Origin`."""
        headers = request.headers
        is_same = headers.getlist("Sec-Fetch-Site") == ["same-origin"]
        if MARK not in headers or not (is_same or headers.getlist("Origin") == [self._origin]):
            raise CrossSite("not from a page of this server")


def keep_in_cookie(response: Response, name: str, value: str, *, seconds: int) -> None:
    """Set a cookie that no script reads, and that other sites do not send."""
    response.set_cookie(
        name, value, max_age=seconds, path="/", secure=True, httponly=True, samesite="strict"
    )
