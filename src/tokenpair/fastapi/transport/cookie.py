"""The refresh token in a cookie, which no script can read, and the access token in the body.

The cookie is sent to every path of the host, so only renewal and log-out look at it, and only for
an unsafe method: see `transport.choice`.
"""

import re
from collections.abc import Iterable

from fastapi import Request, Response
from starlette.types import Scope

from tokenpair.core.sessions.mint import TokenPair
from tokenpair.errors import ConfigurationError, NotAuthenticated
from tokenpair.fastapi.problems.errors import InvalidRequest

NAME = "__Host-tokenpair"
"""Name of the cookie, unless `install(cookie_name=...)` sets another."""

MAX_BYTES = 4096
"""Size of a cookie that browsers refuse to store, in bytes."""

_NAME = re.compile(r"__Host-[A-Za-z0-9._-]{1,100}", re.ASCII)
_ATTRIBUTES = "Path=/; Secure; HttpOnly; SameSite=Strict"


class CookieTransport:
    """The transport of pages: no body has the refresh token."""

    def __init__(self, name: str = NAME) -> None:
        """Raises `ConfigurationError` for a name that browsers do not protect."""
        if not _NAME.fullmatch(name):
            raise ConfigurationError(
                f"the cookie name {name!r} must look like {NAME!r}: browsers protect the prefix "
                "__Host-, and letters, digits, dots, hyphens and underscores may follow it"
            )
        self.name = name
        self._start = f"{name}=".encode()

    def token(self, request: Request) -> str:
        """Return the token in the cookie.

        Raises `NotAuthenticated`, and `InvalidRequest` for two cookies of the name.
        """
        found = self.tokens(request.scope)
        if len(found) > 1:
            raise InvalidRequest("the cookie twice")
        if not found:
            raise NotAuthenticated
        return found[0]

    def tokens(self, scope: Scope) -> list[str]:
        """Return the values of all cookies of the name; an empty one counts as none."""
        headers: Iterable[tuple[bytes, bytes]] = scope["headers"]
        sent = [value for header, value in headers if header == b"cookie"]
        if not sent:
            return []
        # Only spaces and tabs: some white space of Unicode would let another name pass.
        cookies = (each.strip(b" \t") for each in b";".join(sent).split(b";"))
        return [
            str(value, "latin-1")
            for each in cookies
            if each.startswith(self._start) and (value := each.removeprefix(self._start))
        ]

    def older_tokens(self, request: Request) -> list[str]:
        """Return the tokens that the cookie of a log-in replaces."""
        return self.tokens(request.scope)

    def pair(self, request: Request, pair: TokenPair) -> Response:
        """Return a response with the access token, and the cookie if its token is new.

        The browser has the presented token already, or by now a newer one.
        """
        seconds = int(pair.refresh_expires_in.total_seconds())
        response = Response(
            f'{{"access_token":"{pair.access_token}","token_type":"Bearer",'
            f'"expires_in":{int(pair.expires_in.total_seconds())},'
            f'"refresh_expires_in":{seconds}}}',
            media_type="application/json",
            headers={"Cache-Control": "no-store"},
        )
        if pair.refresh_token not in self.tokens(request.scope):
            response.headers["Set-Cookie"] = self._cookie(pair.refresh_token, seconds)
        return response

    def logged_out(self, request: Request) -> Response:  # noqa: ARG002  As in `Transport`.
        """Return an empty response that deletes the cookie. No other response does."""
        return Response(status_code=204, headers={"Set-Cookie": self._cookie("", 0)})

    def _cookie(self, value: str, seconds: int) -> str:
        cookie = f"{self.name}={value}; Max-Age={seconds}; {_ATTRIBUTES}"
        if len(cookie) >= MAX_BYTES:
            raise ConfigurationError(
                f"the cookie has {len(cookie)} bytes, and browsers store less than {MAX_BYTES}: "
                "choose a shorter issuer"
            )
        return cookie
