"""How long each request took, by method, route and status."""

from time import perf_counter

from prometheus_client import Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
OTHER = "other"
"""Stands for every method and every path that is none of ours: anybody can make up new ones."""

_Series = tuple[str, str, int]


class RequestDurations:
    """ASGI middleware that observes every request, a crash as a 500. It wants to be outermost."""

    def __init__(self, app: ASGIApp, histogram: Histogram) -> None:
        self._app = app
        self._histogram = histogram
        # To find a series by its labels takes the client longer than to observe.
        self._series: dict[_Series, Histogram] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass everything on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, status = perf_counter(), 500

        async def send_and_see(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, send_and_see)
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
    """Give the path that has been answered, with its {parameters} in place of what was sent."""
    if "endpoint" not in scope:
        return OTHER
    if "app_root_path" in scope:  # Files that are mounted.
        return f"{scope['root_path']}/{{path}}"
    # A line's end at its end is no matter to the router.
    path: str = scope["path"].removesuffix("\n").removesuffix("/") or "/"
    if not scope["path_params"]:
        return path
    # A route knows its path from its router on. What stands before that is as in the request:
    # no router of ours has a parameter in its prefix.
    own = scope["route"].path.split("/")
    return "/".join([*path.split("/")[: 1 - len(own)], *own[1:]])
