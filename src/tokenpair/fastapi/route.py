"""The route class of all our endpoints: strict about what comes in, plain about what is wrong.

A library must not change how its host app answers errors, so this works inside each route and
not in handlers of the app. An app may use it for its own routers: `APIRouter(route_class=…)`.
"""

import json
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette._utils import get_route_path  # Private; but what routes are matched by.
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match
from starlette.types import Receive, Scope, Send

from tokenpair.core.tokens.encoding import strict_json
from tokenpair.errors import AuthError, PayloadTooLarge
from tokenpair.fastapi.problems.answer import (
    answer_invalid_body,
    problem_of,
    problem_of_http,
)
from tokenpair.fastapi.problems.described import Responses, problem_responses
from tokenpair.shortage import SHORTAGES, shortage

MAX_BODY_BYTES = 64 * 1024

_Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class StrictRequest(Request):
    """A request whose body is small, and whose JSON means the same to every parser."""

    async def stream(self) -> AsyncIterator[bytes]:  # type: ignore[override]  # As Starlette's.
        """Read the body. Raises `PayloadTooLarge` as soon as it is known to be."""
        declared = self.headers.get("content-length", "")
        # Cut, for int() refuses numbers of some thousand digits; nine say enough.
        if declared.isdecimal() and int(declared[:9]) > MAX_BODY_BYTES:
            raise PayloadTooLarge
        received = 0
        async for chunk in super().stream():
            received += len(chunk)
            if received > MAX_BODY_BYTES:
                raise PayloadTooLarge
            yield chunk

    async def json(self) -> Any:  # noqa: ANN401  JSON is anything.
        """Parse the body; whatever is wrong with it is one kind of error for FastAPI."""
        try:
            return strict_json(await self.body())
        except ValueError as exc:
            raise json.JSONDecodeError("not strict JSON", "", 0) from exc


class ProblemRoute(APIRoute):
    """A route that answers its errors as problems, whatever the app around it does.

    It also accepts a trailing slash without a redirect, and forbids caches to keep what it
    answers, unless the endpoint says otherwise. OpenAPI describes the errors as problems.
    """

    def __init__(
        self,
        path: str,
        endpoint: Callable[..., Any],
        *,
        responses: Responses | None = None,
        **options: Any,  # noqa: ANN401  As FastAPI's.
    ) -> None:
        """Take what `APIRoute` takes."""
        described = problem_responses() | (responses or {})
        super().__init__(path, endpoint, responses=described, **options)

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Match the path with and without a trailing slash."""
        path = scope.get("path", "")
        if len(path) > 1 and path.endswith("/"):
            scope = {**scope, "path": path[:-1]}
        return super().matches(scope)

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a method that is not ours, too, which the framework refuses before our handler."""
        try:
            await super().handle(scope, receive, send)
        except HTTPException as exc:
            response = problem_of_http(Request(scope), exc)
            await response(scope, receive, send)

    def get_route_handler(self) -> _Handler:
        """Wrap FastAPI's handler."""
        handle = super().get_route_handler()

        async def answer(request: Request) -> Response:
            try:
                response = await handle(StrictRequest(request.scope, request.receive))
            except AuthError as exc:
                return problem_of(request, exc)
            except RequestValidationError as exc:
                return await answer_invalid_body(request, exc)
            except HTTPException as exc:
                # FastAPI wraps each error of reading the body.
                if isinstance(exc.__cause__, PayloadTooLarge):
                    return problem_of(request, exc.__cause__)
                if exc.__cause__ and (short := shortage(exc.__cause__)):
                    return problem_of(request, short)
                return problem_of_http(request, exc)
            except SHORTAGES as exc:
                if short := shortage(exc):
                    return problem_of(request, short)
                raise
            response.headers.setdefault("Cache-Control", "no-store")
            return response

        return answer


class DirectRoute(ProblemRoute):
    """Calls its endpoint with the request alone, past FastAPI's dependencies and response models.

    For the endpoint that is called most: they would take longer than what it does. OpenAPI
    describes it like any other.
    """

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Match the one path that it has, with and without a trailing slash."""
        if scope["type"] != "http" or get_route_path(scope).removesuffix("/") != self.path:
            return Match.NONE, {}
        fits = Match.FULL if scope["method"] in (self.methods or ()) else Match.PARTIAL
        return fits, {"endpoint": self.endpoint, "path_params": {}, "route": self}

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer."""
        if scope["method"] not in (self.methods or ()):
            await super().handle(scope, receive, send)
            return
        request = StrictRequest(scope, receive)
        try:
            response = await self.endpoint(request)
        except AuthError as exc:
            response = problem_of(request, exc)
        except SHORTAGES as exc:
            if not (short := shortage(exc)):
                raise
            response = problem_of(request, short)
        await response(scope, receive, send)
