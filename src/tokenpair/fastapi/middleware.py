"""The check of access tokens for a whole app: everything needs one, but for what is named.

A dependency is asked for by each endpoint, and one may be forgotten. This stands in front of
all of them, and costs less: FastAPI's dependencies take longer than the check itself.
"""

from collections.abc import Iterable

from starlette._utils import get_route_path  # Private; but what routes are matched by.
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket

from tokenpair.core.tokens.claims import AccessClaims
from tokenpair.errors import AuthError, ConfigurationError
from tokenpair.fastapi.bearer import AccessTokenBearer
from tokenpair.fastapi.problems.answer import problem_of, problem_of_http, refuse
from tokenpair.fastapi.registry import installations, open_requests
from tokenpair.fastapi.transport.header import answering

_CLAIMS = "tokenpair.access"


def claims_of(request: HTTPConnection) -> AccessClaims:
    """Return the claims that `AccessTokenMiddleware` has verified for this request.

    Raises `RuntimeError` behind a path that is public, or without the middleware.
    """
    claims: AccessClaims | None = request.scope.get(_CLAIMS)
    if claims is None:
        raise RuntimeError("no access token was asked for here: is the path public?")
    return claims


class AccessTokenMiddleware:
    """Lets a request or a WebSocket through if it has a valid access token.

    `public` are the paths that need none: each exactly that path, or with `/*` at its end all
    that is below it. Our own endpoints that take no access token are public by themselves.
    `bearer` is what demands more, as in a dependency: any child of `AccessTokenBearer`.
    """

    def __init__(
        self,
        app: ASGIApp,
        bearer: AccessTokenBearer | None = None,
        *,
        public: Iterable[str] = (),
    ) -> None:
        """Raises `ConfigurationError` for a public path that is none, or another kind of bearer."""
        self._app = app
        self._bearer = bearer or AccessTokenBearer()
        if not isinstance(self._bearer, AccessTokenBearer):
            raise ConfigurationError(
                f"{type(self._bearer).__name__} is no child of AccessTokenBearer: "
                "only access tokens open what is behind the middleware"
            )
        if type(self._bearer).__call__ is not AccessTokenBearer.__call__:
            # Here is no dependency that would be called: what it demands would be left out.
            raise ConfigurationError(
                f"{type(self._bearer).__name__} overrides `__call__`; override `verify_token_data`"
            )
        paths = [public] if isinstance(public, str) else list(public)
        for path in paths:
            _require_path(path)
        self._public = {path for path in paths if not path.endswith("/*")}
        self._below = tuple(path.removesuffix("*") for path in paths if path.endswith("/*"))
        self._ours: frozenset[tuple[str, str]] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check, and pass on; or answer with the problem."""
        if scope["type"] == "lifespan" or self._is_public(scope):
            await self._app(scope, receive, send)
            return
        if scope["type"] == "websocket":
            send = answering(scope, send)
        try:
            scope[_CLAIMS] = await self._bearer.authenticate(HTTPConnection(scope))
        except (AuthError, HTTPException) as exc:
            await _answer(exc, scope, receive, send)
        else:
            await self._app(scope, receive, send)

    def _is_public(self, scope: Scope) -> bool:
        if self._ours is None:
            self._ours = self._find_ours(scope)
        path = get_route_path(scope)
        # Ours answer with a slash at the end, too. A WebSocket has no method, and is none of them.
        if path in self._public or (scope.get("method"), path.removesuffix("/")) in self._ours:
            return True
        # What reads the path further in, such as a file server, might follow the dots upwards.
        return bool(self._below) and path.startswith(self._below) and ".." not in path

    def _find_ours(self, scope: Scope) -> frozenset[tuple[str, str]]:
        """Find every `Auth` of the app, at the first request: by then it has been put together."""
        app = scope.get("app")
        if app is not None and installations(app):
            return open_requests(app)
        if self._bearer.auth is None:
            raise ConfigurationError(
                "no Auth is installed into the app of AccessTokenMiddleware: "
                "install it there, or name it: bearer=AccessTokenBearer(auth)"
            )
        return frozenset()


def _require_path(path: str) -> None:
    has_pattern = any(each in path.removesuffix("/*") for each in "*{}")
    if not path.startswith("/") or path == "/*" or has_pattern:
        raise ConfigurationError(
            f"{path!r} is no public path: write '/docs', or '/static/*' for all that is below"
        )


async def _answer(
    exc: AuthError | HTTPException, scope: Scope, receive: Receive, send: Send
) -> None:
    """Answer here: the app's own handlers are further in."""
    if scope["type"] == "websocket":
        websocket = WebSocket(scope, receive, send)
        await refuse(websocket, _response(exc, websocket))
    else:
        response = _response(exc, Request(scope, receive))
        await response(scope, receive, send)


def _response(exc: AuthError | HTTPException, request: HTTPConnection) -> Response:
    if isinstance(exc, AuthError):
        return problem_of(request, exc)
    return problem_of_http(request, exc)
