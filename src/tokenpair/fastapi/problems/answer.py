"""Errors as `application/problem+json` (RFC 9457): one table, one handler.

`code` is what a program reads; `detail` stays a sentence, so a client that reads FastAPI's
`{"detail": …}` keeps working. Nothing of the request is ever repeated.
"""

import contextlib
import logging
from collections.abc import Mapping
from typing import Any, TypeAlias

from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection, Request
from starlette.routing import Match
from starlette.status import WS_1008_POLICY_VIOLATION
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from tokenpair.errors import (
    AuthError,
    EmailTaken,
    InsufficientRole,
    InvalidCredentials,
    InvalidInput,
    InvalidRequest,
    NotAuthenticated,
    NotFound,
    PayloadTooLarge,
    TokenError,
    TokenSuperseded,
    Unavailable,
)
from tokenpair.fastapi.problems.field_errors import field_errors
from tokenpair.fastapi.problems.statuses import code_of, is_pythons_name, title_of

# A response, or None for a WebSocket. The framework's types know handlers of one kind only.
_Answer: TypeAlias = Any
_log = logging.getLogger(__name__)

REALM = "tokenpair"
MEDIA_TYPE = "application/problem+json"

# An error that is not here has the status of its nearest ancestor that is.
_STATUSES: dict[type[AuthError], int] = {
    AuthError: 400,  # The root, for an app's own errors.
    InvalidRequest: 400,
    NotAuthenticated: 401,
    InvalidCredentials: 401,
    TokenError: 401,
    InsufficientRole: 403,
    NotFound: 404,
    EmailTaken: 409,
    TokenSuperseded: 409,
    PayloadTooLarge: 413,
    InvalidInput: 422,
    Unavailable: 503,
}
_STATUSES_WITHOUT_BODY = {204, 205, 304}
_OPEN = (WebSocketState.CONNECTING, WebSocketState.CONNECTED)
_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")


def status_of(kind: type[AuthError]) -> int:
    """Give the status of an error, by its nearest ancestor in the table."""
    return next(_STATUSES[each] for each in kind.__mro__ if each in _STATUSES)


async def answer_auth_error(request: Request | WebSocket, exc: Exception) -> _Answer:
    """Answer one of our own errors. Registered for every app that is installed into."""
    if not isinstance(exc, AuthError):
        raise exc
    return await _answered(request, problem_of(request, exc))


async def _answered(request: Request | WebSocket, response: Response) -> Response | None:
    """Return the answer for the framework to send, or None where it has been sent.

    What a handler returns for a WebSocket would be sent, too: as a second answer.
    """
    if not isinstance(request, WebSocket):
        return response
    await refuse(request, response)
    return None


async def refuse(websocket: WebSocket, response: Response) -> None:
    """Answer what would have become a WebSocket; where that can no longer be said, close it."""
    if websocket.client_state is WebSocketState.DISCONNECTED:
        return
    can_answer = "websocket.http.response" in websocket.scope.get("extensions", {})
    # The client may leave meanwhile.
    with contextlib.suppress(WebSocketDisconnect):
        if websocket.application_state is WebSocketState.CONNECTING and can_answer:
            await websocket.send_denial_response(response)
        elif websocket.application_state in _OPEN:
            await websocket.close(WS_1008_POLICY_VIOLATION)


def problem_of(request: HTTPConnection, exc: AuthError) -> JSONResponse:
    """Log one of our own errors, and write down its answer."""
    status = status_of(type(exc))
    _log.log(
        logging.WARNING if status >= 500 else logging.INFO,
        "%s %s: %s%s",
        request.scope.get("method", "WEBSOCKET"),
        _template(request),
        exc.code,
        f" ({exc.reason})" if exc.reason else "",
    )
    return _problem(
        status, exc.code, exc.detail, headers=headers_of(exc, status), members=exc.members
    )


def _template(request: HTTPConnection) -> str:
    """Give the path with its {parameters} in place of what a stranger wrote there."""
    if "route" not in request.scope:
        return "?"  # Nothing of it is ours.
    path: str = request.scope["path"]
    for name, value in request.path_params.items():
        path = path.replace(str(value), f"{{{name}}}")
    return path


async def answer_invalid_body(request: Request, exc: Exception) -> JSONResponse:
    """Answer FastAPI's validation errors without the input that its own answer repeats."""
    if not isinstance(exc, RequestValidationError):
        raise exc
    if any(error["loc"][0] == "path" for error in exc.errors()):
        # An id that cannot be one is an id that does not exist.
        return _problem(404, NotFound.code, NotFound.detail)
    return problem_of(request, InvalidInput(*field_errors(request, exc)))


async def answer_http_exception(request: Request | WebSocket, exc: Exception) -> _Answer:
    """Answer what the framework raises by itself: 404, 405 and the like."""
    if not isinstance(exc, HTTPException):
        raise exc
    return await _answered(request, problem_of_http(request, exc))


def problem_of_http(request: HTTPConnection, exc: HTTPException) -> Response:
    """Return the answer to what the framework raises by itself."""
    headers = dict(exc.headers or {})
    if exc.status_code in _STATUSES_WITHOUT_BODY:
        return Response(status_code=exc.status_code, headers=headers)
    if exc.status_code == 405 and (allowed := _allowed_methods(request)):
        headers["Allow"] = ", ".join(allowed)
    # An app may raise it with something else than a sentence; that is not for everybody.
    detail = exc.detail if isinstance(exc.detail, str) else title_of(exc.status_code)
    if is_pythons_name(exc.status_code, detail):
        # As we say it ourselves, the same in every version of Python.
        detail = NotFound.detail if exc.status_code == 404 else title_of(exc.status_code)
    return _problem(exc.status_code, code_of(exc.status_code), detail, headers=headers)


async def answer_crash(_: Request, __: Exception) -> JSONResponse:
    """Answer a bug of ours; the server logs it."""
    return _problem(500, "internal_error", "Something went wrong on our side.")


def _problem(
    status: int,
    code: str,
    detail: str,
    *,
    headers: Mapping[str, str] | None = None,
    members: Mapping[str, Any] | None = None,
) -> JSONResponse:
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": title_of(status),
        "status": status,
        "detail": detail,
        "code": code,
    }
    return JSONResponse(
        body | dict(members or {}) | body,  # Nobody's members replace those of a problem.
        status_code=status,
        headers={"Cache-Control": "no-store", **(headers or {})},
        media_type=MEDIA_TYPE,
    )


def _allowed_methods(request: HTTPConnection) -> list[str]:
    """Ask every route: the framework names only the methods of the first on this path."""
    return [
        method
        for method in _METHODS
        if any(
            route.matches({**request.scope, "method": method})[0] is Match.FULL
            for route in request.app.routes
        )
    ]


def headers_of(exc: AuthError, status: int) -> dict[str, str]:
    """Give what an error's answer has in its headers."""
    headers = {}
    if status == 401:
        headers["WWW-Authenticate"] = _challenge(exc)
    if exc.retry_after is not None:
        headers["Retry-After"] = str(exc.retry_after)
    return headers


def _challenge(exc: AuthError) -> str:
    """Say how to authenticate; an error code only if a token was sent (RFC 6750 §3.1)."""
    challenge = f'Bearer realm="{REALM}"'
    if isinstance(exc, TokenError):
        challenge += f', error="invalid_token", error_description="{exc.detail}"'
    return challenge
