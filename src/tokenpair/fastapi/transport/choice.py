"""Which transport a request uses: its client chooses the cookie at log-in."""

from dataclasses import dataclass, field

from fastapi import Request

from tokenpair.fastapi.problems.errors import InvalidRequest
from tokenpair.fastapi.transport import Transport
from tokenpair.fastapi.transport.cookie import CookieTransport
from tokenpair.fastapi.transport.header import HeaderTransport
from tokenpair.fastapi.transport.same_origin import MARK, require_same_origin

_SAFE = ("GET", "HEAD")


@dataclass(frozen=True, slots=True, kw_only=True)
class Transports:
    """The transports of one `Auth`. Without cookie mode, `cookie` is None.

    `origins` are those of the pages that may use the cookie.
    """

    header: HeaderTransport = field(default_factory=HeaderTransport)
    cookie: CookieTransport | None = None
    origins: frozenset[str] = frozenset()

    def of_log_in(self, request: Request) -> Transport:
        """Return the transport that a log-in asks for. Raises `CrossSite`."""
        if self.cookie is None or request.headers.get(MARK) != "cookie":
            return self.header
        require_same_origin(request, self.origins)
        return self.cookie

    def of_token(self, request: Request) -> Transport:
        """Return the transport of a renewal or a log-out.

        A safe method never uses the cookie. Raises `CrossSite`, and `InvalidRequest` for an
        Authorization header beside the cookie: a bad one must not fall back to the cookie.
        """
        if self.cookie is None or not self.cookie.tokens(request.scope) or request.method in _SAFE:
            return self.header
        if "Authorization" in request.headers:
            raise InvalidRequest("an Authorization header and the cookie")
        require_same_origin(request, self.origins)
        return self.cookie
