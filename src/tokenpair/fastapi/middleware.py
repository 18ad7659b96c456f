"""Middleware that requires an access token for a whole app, except for the paths that are named.

With dependencies, each endpoint must ask for one, and one endpoint may be forgotten. The middleware
runs before all endpoints. It also costs less: FastAPI's dependencies take longer than the check.
"""

from collections.abc import Iterable

from starlette._utils import get_route_path  # Private, but Starlette matches routes by it.
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection, Request
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket

from tokenpair.core.tokens.claims import AccessClaims
from tokenpair.errors import AuthError, ConfigurationError
from tokenpair.fastapi.bearer import AccessTokenBearer
from tokenpair.fastapi.problems.answer import answer_error
from tokenpair.fastapi.registry import installations, open_requests
from tokenpair.fastapi.transport.header import naming_bearer

_CLAIMS = "tokenpair.access"


def claims_of(request: HTTPConnection) -> AccessClaims:
    """Return the claims that `AccessTokenMiddleware` has verified for this request.

    Raises `RuntimeError` behind a path that is public, or without the middleware.
    """
    claims: AccessClaims | None = request.scope.get(_CLAIMS)
    if claims is None:
        raise RuntimeError(
            "there are no claims: the path is public, or AccessTokenMiddleware is missing"
        )
    return claims


class AccessTokenMiddleware:
    """Lets a request or a WebSocket through if it has a valid access token.

    `public` lists the paths that need no token: exactly this path, or with `/*` at its end all
    paths below it. Endpoints of tokenpair that take no access token are always public. `bearer`
    may be any child of `AccessTokenBearer` that demands more.
    """

    def __init__(
        self,
        app: ASGIApp,
        bearer: AccessTokenBearer | None = None,
        *,
        public: Iterable[str] = (),
    ) -> None:
        """Raises `ConfigurationError` for an invalid public path, or another kind of bearer."""
        self._app = app
        self._bearer = bearer or AccessTokenBearer()
        if not isinstance(self._bearer, AccessTokenBearer):
            raise ConfigurationError(
                f"{type(self._bearer).__name__} is not a child of AccessTokenBearer, and the "
                "middleware accepts access tokens only. Derive your bearer from AccessTokenBearer"
            )
        if type(self._bearer).__call__ is not AccessTokenBearer.__call__:
            # The middleware does not call it as a dependency: its own checks would never run.
            raise ConfigurationError(
                f"{type(self._bearer).__name__} overrides `__call__`, and the middleware does not "
                "call it. Override `verify_token_data` instead"
            )
        paths = [public] if isinstance(public, str) else list(public)
        for path in paths:
            _require_path(path)
        self._public = {path for path in paths if not path.endswith("/*")}
        self._below = tuple(path.removesuffix("*") for path in paths if path.endswith("/*"))
        self._ours: frozenset[tuple[str, str]] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Verify the token and call the app, or answer with the error."""
        if scope["type"] == "lifespan" or self._is_public(scope):
            await self._app(scope, receive, send)
            return
        if scope["type"] == "websocket":
            send = naming_bearer(scope, send)
        try:
            scope[_CLAIMS] = await self._bearer.authenticate(HTTPConnection(scope))
        except (AuthError, HTTPException) as exc:
            # The app's own handlers run further in.
            is_socket = scope["type"] == "websocket"
            request = WebSocket(scope, receive, send) if is_socket else Request(scope, receive)
            if response := await answer_error(request, exc):
                await response(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    def _is_public(self, scope: Scope) -> bool:
        if self._ours is None:
            self._ours = self._find_ours(scope)
        path = get_route_path(scope)
        # Our endpoints accept a trailing slash, too. A WebSocket has no method, and is never one.
        if path in self._public or (scope.get("method"), path.removesuffix("/")) in self._ours:
            return True
        # A file server further in might follow the dots to a path that is not public.
        return bool(self._below) and path.startswith(self._below) and ".." not in path

    def _find_ours(self, scope: Scope) -> frozenset[tuple[str, str]]:
        """Return our public endpoints, at the first request: by then the app is complete."""
        app = scope.get("app")
        if app is not None and installations(app):
            return open_requests(app)
        if self._bearer.auth is None:
            raise ConfigurationError(
                "no Auth is installed into the app of AccessTokenMiddleware. "
                "Call install(app, auth), or pass bearer=AccessTokenBearer(auth)"
            )
        return frozenset()


def _require_path(path: str) -> None:
    has_pattern = any(each in path.removesuffix("/*") for each in "*{}")
    if not path.startswith("/") or path == "/*" or has_pattern:
        raise ConfigurationError(
            f"{path!r} is not a public path. Write '/docs', or '/static/*' for all paths below it"
        )
