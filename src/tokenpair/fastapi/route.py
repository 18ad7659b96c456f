"""The route class of all endpoints of tokenpair: it checks requests strictly and answers errors.

A library must not change how its host app answers errors. So errors are answered in each route,
not in handlers of the app. An app may use the class, too: `APIRouter(route_class=ProblemRoute)`.
"""

import json
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

from fastapi.routing import APIRoute
from starlette._utils import get_route_path  # Private, but Starlette matches routes by it.
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match
from starlette.types import Receive, Scope, Send

from tokenpair.core.tokens.encoding import strict_json
from tokenpair.fastapi.problems.answer import ANSWERED, answer, answer_error
from tokenpair.fastapi.problems.described import (
    Responses,
    problem_fields,
    problem_responses,
    without_problems,
)
from tokenpair.fastapi.problems.errors import MAX_BODY_BYTES, PayloadTooLarge

_Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class StrictRequest(Request):
    """A request whose body is small, and whose JSON means the same to every parser."""

    async def stream(self) -> AsyncIterator[bytes]:  # type: ignore[override]  # As Starlette's.
        """Read the body. Raises `PayloadTooLarge` as soon as it exceeds the limit."""
        declared = self.headers.get("content-length", "")
        # int() refuses numbers of thousands of digits; nine digits are enough to compare.
        if declared.isdecimal() and int(declared[:9]) > MAX_BODY_BYTES:
            raise PayloadTooLarge
        received = 0
        async for chunk in super().stream():
            received += len(chunk)
            if received > MAX_BODY_BYTES:
                raise PayloadTooLarge
            yield chunk

    async def json(self) -> Any:  # noqa: ANN401  JSON is anything.
        """Parse the body. Raises `JSONDecodeError` for any invalid JSON, as FastAPI expects."""
        try:
            return strict_json(await self.body())
        except ValueError as exc:
            raise json.JSONDecodeError("not strict JSON", "", 0) from exc


class ProblemRoute(APIRoute):
    """A route that answers its errors as problems, with or without handlers in the app.

    It accepts a trailing slash without a redirect. It tells caches not to store its answers, unless
    the endpoint sets `Cache-Control` itself. OpenAPI describes the errors as problems.
    """

    def __init__(
        self,
        path: str,
        endpoint: Callable[..., Any],
        *,
        responses: Responses | None = None,
        **options: Any,  # noqa: ANN401  As FastAPI's.
    ) -> None:
        """Take the arguments of `APIRoute`."""
        described = problem_responses() | (responses or {})
        super().__init__(path, endpoint, responses=without_problems(described), **options)
        self.responses = described
        self.response_fields.update(problem_fields(described))

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Match the path with and without a trailing slash."""
        path = scope.get("path", "")
        if len(path) > 1 and path.endswith("/"):
            scope = {**scope, "path": path[:-1]}
        return super().matches(scope)

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Also respond to a wrong method, which Starlette rejects before it calls our handler."""
        try:
            await super().handle(scope, receive, send)
        except HTTPException as exc:
            response = await answer_error(Request(scope), exc)
            await response(scope, receive, send)

    def get_route_handler(self) -> _Handler:
        """Return FastAPI's handler, wrapped to answer errors."""
        handle = super().get_route_handler()

        async def handle_strictly(request: Request) -> Response:
            try:
                response = await handle(StrictRequest(request.scope, request.receive))
            except ANSWERED as exc:
                if (refusal := answer(request, exc)) is None:
                    raise
                return refusal
            response.headers.setdefault("Cache-Control", "no-store")
            return response

        return handle_strictly


class DirectRoute(ProblemRoute):
    """Calls its endpoint with the request only, without FastAPI's dependencies and models.

    Renewal uses it, because it is called most: FastAPI's dependencies and models would take longer
    than the renewal itself. OpenAPI describes the route like any other.
    """

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Match the path, with and without a trailing slash. It has no parameters."""
        if scope["type"] != "http" or get_route_path(scope).removesuffix("/") != self.path:
            return Match.NONE, {}
        fits = Match.FULL if scope["method"] in (self.methods or ()) else Match.PARTIAL
        return fits, {"endpoint": self.endpoint, "path_params": {}, "route": self}

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Call the endpoint, and answer its errors."""
        if scope["method"] not in (self.methods or ()):
            await super().handle(scope, receive, send)
            return
        request = StrictRequest(scope, receive)
        try:
            response = await self.endpoint(request)
        except ANSWERED as exc:
            if (refusal := answer(request, exc)) is None:
                raise
            response = refusal
        await response(scope, receive, send)
