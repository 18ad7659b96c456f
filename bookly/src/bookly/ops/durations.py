"""Durations of requests, by method, route and status."""

from time import perf_counter

from prometheus_client import Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
OTHER = "other"
"""Label of all unknown methods and paths: clients can invent any number of them."""

_Series = tuple[str, str, int]


class RequestDurations:
    """Outermost ASGI middleware: measures every request; an exception counts as 500."""

    def __init__(self, app: ASGIApp, histogram: Histogram) -> None:
        self._app = app
        self._histogram = histogram
        # Looking up a series by its labels takes prometheus-client longer than observing.
        self._series: dict[_Series, Histogram] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the app, and observe how long it takes."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, status = perf_counter(), 500

        async def send_and_note(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, send_and_note)
        except Exception:
            self._observe(scope, 500, began)
            raise
        self._observe(scope, status, began)

    def _observe(self, scope: Scope, status: int, began: float) -> None:
        method = scope["method"] if scope["method"] in METHODS else OTHER
        key = (method, template(scope), status)
        series = self._series.get(key)
        if series is None:
            series = self._series[key] = self._histogram.labels(*key)
        series.observe(perf_counter() - began)


def template(scope: Scope) -> str:
    """Return the path of the route, with its {parameters} in place of the values."""
    if "endpoint" not in scope:
        return OTHER
    if "app_root_path" in scope:  # Mounted files.
        return f"{scope['root_path']}/{{path}}"
    # The router ignores a line break at the end.
    path: str = scope["path"].removesuffix("\n").removesuffix("/") or "/"
    if not scope["path_params"]:
        return path
    # A route knows its path without the prefixes of its routers. These have no parameters here, so
    # they stand in the request as they are.
    own = scope["route"].path.split("/")
    return "/".join([*path.split("/")[: 1 - len(own)], *own[1:]])
