"""The client for browsers, `tokenpair.js`, served by the app: a page needs no build step.

Its URL contains a hash of the file, so that browsers may keep it for ever and still get a new one
after an upgrade.
"""

import gzip
import hashlib
from functools import cache
from pathlib import Path

from fastapi import FastAPI, Request, Response

from tokenpair.fastapi.route import ProblemRoute

SCRIPT = Path(__file__).parent / "static" / "tokenpair.js"

_FOREVER = "public, max-age=31536000, immutable"
_WEIGHTS_OF_ZERO = {"q=0", "q=0.0", "q=0.00", "q=0.000"}


def browser_client(app: FastAPI, *, path: str = "/tokenpair") -> str:
    """Return the path of the browser client, `tokenpair.js`, which the app serves from now on.

    Call it while the app is built; further calls return the same path. A template writes it into
    the page, such as `<link rel="modulepreload" href="...">`. It contains a hash of the file, and
    browsers keep the file for a year. Behind a root path, put that before it.

    `latest`, and any other word in place of the hash, is answered with the current file too, which
    browsers then ask for each time. So a page without templates may import
    `/tokenpair/latest/tokenpair.js`, and no page breaks while a deployment runs two versions.

    With `AccessTokenMiddleware`, add `"/tokenpair/*"` to its public paths.
    """
    script = _script()
    if not hasattr(app.state, "tokenpair_browser_client"):

        async def respond(request: Request, version: str) -> Response:
            return script.respond(request, version)

        app.state.tokenpair_browser_client = f"{path}/{script.version}/tokenpair.js"
        app.router.add_api_route(
            path + "/{version}/tokenpair.js",
            respond,
            methods=["GET", "HEAD"],
            name="tokenpair_browser_client",
            include_in_schema=False,
            route_class_override=ProblemRoute,
        )
    served_at: str = app.state.tokenpair_browser_client
    return served_at


class _Script:
    """The file, plain and compressed."""

    def __init__(self, content: bytes) -> None:
        self.version = hashlib.sha256(content).hexdigest()[:16]
        self._plain = content
        self._compressed = gzip.compress(content, mtime=0)

    def respond(self, request: Request, version: str) -> Response:
        """Respond with the file, or with 304 to a browser that has it."""
        headers = {
            "Cache-Control": _FOREVER if version == self.version else "no-cache",
            # Weak, because the plain and the compressed form share it (RFC 9110 §8.8.3.3).
            "ETag": f'W/"{self.version}"',
            "Vary": "Accept-Encoding",
            "X-Content-Type-Options": "nosniff",
        }
        if self._is_among(request.headers.get("if-none-match", "")):
            return Response(status_code=304, headers=headers)
        if not _takes_gzip(request):
            return Response(self._plain, headers=headers, media_type="text/javascript")
        headers["Content-Encoding"] = "gzip"
        return Response(self._compressed, headers=headers, media_type="text/javascript")

    def _is_among(self, tags: str) -> bool:
        """Return whether a list of entity tags names this file (RFC 9110 §13.1.2)."""
        named = {tag.strip().removeprefix("W/") for tag in tags.split(",")}
        return not named.isdisjoint({f'"{self.version}"', "*"})


@cache
def _script() -> _Script:
    return _Script(SCRIPT.read_bytes())


def _takes_gzip(request: Request) -> bool:
    """Return whether the client accepts gzip (RFC 9110 §12.5.3). A weight of 0 means no."""
    for offer in request.headers.get("accept-encoding", "").lower().split(","):
        coding, _, weight = offer.partition(";")
        if coding.strip() == "gzip":
            return weight.replace(" ", "") not in _WEIGHTS_OF_ZERO
    return False
