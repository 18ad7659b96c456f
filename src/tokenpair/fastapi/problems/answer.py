"""Errors as `application/problem+json` (RFC 9457): one function for every place that answers one.

`code` is for programs; `detail` is a sentence, so that a client that reads FastAPI's
`{"detail": …}` keeps working. An answer never repeats the input.
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
    InvalidInput,
    NotFound,
    ReauthenticationRequired,
    TokenError,
)
from tokenpair.fastapi.problems.errors import PayloadTooLarge
from tokenpair.fastapi.problems.field_errors import field_errors
from tokenpair.fastapi.problems.statuses import code_of, is_pythons_name, status_of, title_of
from tokenpair.shortage import SHORTAGES, shortage

_log = logging.getLogger(__name__)

REALM = "tokenpair"
MEDIA_TYPE = "application/problem+json"

ANSWERED = (AuthError, RequestValidationError, HTTPException, *SHORTAGES)
"""Exceptions that `answer` may have an answer for."""

# A response, or None for a WebSocket. The framework's types know only one kind of handler.
_Answer: TypeAlias = Any
_STATUSES_WITHOUT_BODY = {204, 205, 304}
_OPEN = (WebSocketState.CONNECTING, WebSocketState.CONNECTED)
_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")


def answer(request: HTTPConnection, exc: Exception) -> Response | None:
    """Return the answer to an exception, or None for a bug. Errors of ours are logged."""
    if error := _as_auth_error(request, exc):
        status = status_of(type(error))
        _write_log(request, error, status)
        headers = headers_of(error, status)
        return _problem(status, error.code, error.detail, headers=headers, members=error.members)
    return _of_http(request, exc) if isinstance(exc, HTTPException) else None


async def answer_error(request: Request | WebSocket, exc: Exception) -> _Answer:
    """Answer an exception: the handler that is registered in apps.

    For a WebSocket it returns None: Starlette would send a returned response as a second answer.
    """
    response = answer(request, exc)
    if response is None:
        raise exc
    if not isinstance(request, WebSocket):
        return response
    await _refuse(request, response)
    return None


async def answer_crash(_: Request, __: Exception) -> JSONResponse:
    """Answer a bug; the server logs it."""
    return _problem(500, "internal_error", "Something went wrong on our side. Please try again.")


class Unhandled(Exception):
    """An error of ours, raised in an app that has no handler for it."""

    def __init__(self, error: AuthError) -> None:
        super().__init__(str(error))
        self.error = error


def answerable(request: HTTPConnection, error: AuthError) -> Exception:
    """Return what to raise for an error, so that the request's app answers it.

    That is the error itself if the app has a handler for it. A bearer that is given its `Auth` may
    be used in an app without `install`, such as a mounted one, where the error would be a 500.
    There it is `Unhandled`, which nothing else raises: the app's other answers stay as they are.
    """
    # Where Starlette's `wrap_app_handling_exceptions` looks handlers up: the app's own dictionary.
    handlers, _ = request.scope.get("starlette.exception_handlers", ({}, {}))
    if any(each in handlers for each in type(error).__mro__):
        return error
    handlers[Unhandled] = _answer_unhandled
    return Unhandled(error)


async def _answer_unhandled(request: Request | WebSocket, exc: Unhandled) -> _Answer:
    return await answer_error(request, exc.error)


def headers_of(error: AuthError, status: int) -> dict[str, str]:
    """Return the headers that are particular to an error."""
    headers = {}
    if status == 401:
        headers["WWW-Authenticate"] = _challenge(error)
    if error.retry_after is not None:
        headers["Retry-After"] = str(error.retry_after)
    return headers


def _as_auth_error(request: HTTPConnection, exc: Exception) -> AuthError | None:
    """Return the error of ours that an exception is or means, if any."""
    if isinstance(exc, AuthError):
        return exc
    if isinstance(exc, RequestValidationError):
        # An id that is not a UUID is answered like any other unknown id.
        if any(error["loc"][0] == "path" for error in exc.errors()):
            return NotFound("a path parameter is not valid")
        return InvalidInput(*field_errors(request, exc))
    # FastAPI raises an HTTPException for each error of reading the body.
    cause = exc.__cause__ if isinstance(exc, HTTPException) else exc
    if isinstance(cause, PayloadTooLarge):
        return cause
    return shortage(cause) if cause else None


def _of_http(request: HTTPConnection, exc: HTTPException) -> Response:
    """Return the answer to what the framework or the app raises: 404, 405 and the like."""
    headers = dict(exc.headers or {})
    if exc.status_code in _STATUSES_WITHOUT_BODY:
        return Response(status_code=exc.status_code, headers=headers)
    if exc.status_code == 405 and (allowed := _allowed_methods(request)):
        headers["Allow"] = ", ".join(allowed)
    # An app may raise it with an object instead of a sentence, which may be private.
    detail = exc.detail if isinstance(exc.detail, str) else title_of(exc.status_code)
    if is_pythons_name(exc.status_code, detail):
        # It differs between versions of Python.
        detail = NotFound.detail if exc.status_code == 404 else title_of(exc.status_code)
    return _problem(exc.status_code, code_of(exc.status_code), detail, headers=headers)


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
        body | dict(members or {}) | body,  # An error's members never replace those of a problem.
        status_code=status,
        headers={"Cache-Control": "no-store", **(headers or {})},
        media_type=MEDIA_TYPE,
    )


async def _refuse(websocket: WebSocket, response: Response) -> None:
    """Answer a handshake with a response if the server can send one; otherwise close."""
    if websocket.client_state is WebSocketState.DISCONNECTED:
        return
    can_answer = "websocket.http.response" in websocket.scope.get("extensions", {})
    # The client may disconnect meanwhile.
    with contextlib.suppress(WebSocketDisconnect):
        if websocket.application_state is WebSocketState.CONNECTING and can_answer:
            await websocket.send_denial_response(response)
        elif websocket.application_state in _OPEN:
            await websocket.close(WS_1008_POLICY_VIOLATION)


def _write_log(request: HTTPConnection, error: AuthError, status: int) -> None:
    _log.log(
        logging.WARNING if status >= 500 else logging.INFO,
        "%s %s: %s%s",
        request.scope.get("method", "WEBSOCKET"),
        _template(request),
        error.code,
        f" ({error.reason})" if error.reason else "",
    )


def _template(request: HTTPConnection) -> str:
    """Return the path with {parameters} in place of the values that the client sent."""
    if "route" not in request.scope:
        return "?"  # The whole path comes from the client.
    path: str = request.scope["path"]
    for name, value in request.path_params.items():
        path = path.replace(str(value), f"{{{name}}}")
    return path


def _allowed_methods(request: HTTPConnection) -> list[str]:
    """Return the methods of all routes: the framework names those of the first route only."""
    return [
        method
        for method in _METHODS
        if any(
            route.matches({**request.scope, "method": method})[0] is Match.FULL
            for route in request.app.routes
        )
    ]


def _challenge(error: AuthError) -> str:
    """Return how to authenticate; with an error only if a token was sent (RFC 6750 §3.1).

    A log-in that is too old has an error of its own (RFC 9470 §3).
    """
    challenge = f'Bearer realm="{REALM}"'
    if isinstance(error, TokenError):
        challenge += f', error="invalid_token", error_description="{error.detail}"'
    if isinstance(error, ReauthenticationRequired):
        challenge += ', error="insufficient_user_authentication"'
        challenge += f', error_description="{error.detail}"'
        challenge += "".join(f', {name}="{value}"' for name, value in error.members.items())
    return challenge
