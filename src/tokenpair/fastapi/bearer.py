"""The bearer classes: a base class that does all the checks, and two children.

The kind of a token is checked where it is decoded, so a subclass that overrides the hook
cannot lose the check. Use an instance as a dependency::

    @app.get("/books")
    async def books(token: AccessClaims = Depends(AccessTokenBearer())): ...

To demand more, derive and override the hook::

    class AdminBearer(AccessTokenBearer):
        def verify_token_data(self, token_data: AccessClaims) -> None:
            if "admin" not in token_data.roles:
                raise InsufficientRole
"""

import inspect
from collections.abc import Callable, Iterable
from typing import Any

from fastapi import HTTPException, WebSocketException
from fastapi.openapi.models import HTTPBearer
from fastapi.security.base import SecurityBase
from starlette.requests import HTTPConnection
from starlette.status import WS_1008_POLICY_VIOLATION

from tokenpair.auth import Auth
from tokenpair.core.tokens.claims import AccessClaims, Claims, RefreshClaims
from tokenpair.errors import AuthError, InsufficientRole, Unavailable
from tokenpair.fastapi.problems.answer import headers_of, status_of
from tokenpair.fastapi.registry import installations
from tokenpair.fastapi.transport.header import answer_offer, bearer_token, credentials_of, token_in


def get_auth(request: HTTPConnection) -> Auth:
    """Return the `Auth` that was installed first into the request's app.

    Raises `RuntimeError` where none was installed.
    """
    for each in installations(request.scope["app"]).values():
        return each.auth
    # A mistake in the program and not in the request; so it is no AuthError.
    raise RuntimeError("call tokenpair.fastapi.install(app, auth) first")


def answerable(request: HTTPConnection, exc: AuthError) -> Exception:
    """Return an error that the request's app knows how to answer.

    Itself, where we are installed. A bearer that was given its `Auth` may stand in any app; there
    it is what the framework answers, with the same status, sentence and challenge.
    """
    if AuthError in request.app.exception_handlers:
        return exc
    if request.scope["type"] == "websocket":
        return WebSocketException(WS_1008_POLICY_VIOLATION, exc.detail)
    status = status_of(type(exc))
    return HTTPException(status, exc.detail, headers=headers_of(exc, status))


def misused(hook: Callable[[Any], object], returned: object) -> TypeError:
    """Return the error for a hook that returns something: a verdict, or what is to be awaited."""
    if inspect.iscoroutine(returned):
        returned.close()  # Or Python warns that it was never awaited.
    name = getattr(hook, "__qualname__", type(hook).__name__)
    return TypeError(
        f"{name} returned {type(returned).__name__} and must return None, and not be async. "
        "To refuse a token, raise an AuthError or an HTTPException"
    )


class TokenBearer(SecurityBase):
    """The base class: it takes a token of either kind through every check, then asks the hook.

    A dependency; calling it gives the token's claims. Derive from one of its children, or from
    itself where both kinds are accepted, and override `verify_token_data`. `auth` is the one whose
    tokens it wants: by default, that which was installed first into the app.
    """

    scheme_name = "TokenBearer"
    description = "An access token or a refresh token."

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        # The hook is not awaited: an `async` one would never run.
        if inspect.iscoroutinefunction(cls.verify_token_data):
            raise TypeError(f"{cls.__name__}.verify_token_data must not be async")

    def __init__(self, auth: Auth | None = None) -> None:
        self.model: HTTPBearer = HTTPBearer(bearerFormat="JWT", description=self.description)
        self.auth = auth
        # The last app that asked, and its: mostly there is but one.
        self._app: object = None
        self._apps_auth: Auth | None = None

    def auth_of(self, request: HTTPConnection) -> Auth:
        """Return the bearer's own `Auth`, or the one that was installed first into the app."""
        if self.auth is not None:
            return self.auth
        app = request.scope["app"]
        if self._apps_auth is None or app is not self._app:
            self._app, self._apps_auth = app, get_auth(request)
        return self._apps_auth

    async def __call__(self, request: HTTPConnection) -> Claims:
        """Verify the token of a request, or of what would become a WebSocket.

        Raises the `TokenError` that fits, `NotAuthenticated` and `InvalidRequest`, each with
        its answer; and what the hook raises.
        """
        if request.scope["type"] == "websocket":
            answer_offer(request)
        try:
            return await self.authenticate(request)
        except AuthError as exc:
            raise answerable(request, exc) from exc.__cause__

    async def authenticate(self, request: HTTPConnection) -> Claims:
        """Do what calling it does; but what is raised may be nothing that the app can answer."""
        claims = await self.auth_of(request).verify(bearer_token(request))
        hook: Callable[[Any], object] = self.verify_token_data
        if (returned := hook(claims)) is not None:
            raise misused(hook, returned)
        return claims

    def verify_token_data(self, token_data: Any) -> None:  # noqa: ANN401  Each child says which.
        """Demand more of a verified token: override this, and raise to refuse it.

        `token_data` are its `Claims`: of either kind here, of its own kind in each child. Any
        `AuthError` or `HTTPException` will be answered. It must return None: a hook that returns
        anything else raises `TypeError`, and the caller is not let in. It does no I/O; what needs
        some is a dependency of its own.
        """
        raise NotImplementedError("override verify_token_data in a child class")


class AccessTokenBearer(TokenBearer):
    """Wants an access token whose session is live, and whose roles are those the user has now.

    What happened at another worker is known here within milliseconds, or at worst with the next
    poll, without a query. With `check_session` it queries the database, for endpoints that must
    not tolerate even that.
    """

    scheme_name = "AccessTokenBearer"
    description = "The access token of a pair: what `/login` and `/refresh_token` answer."

    def __init__(self, auth: Auth | None = None, *, check_session: bool = False) -> None:
        super().__init__(auth)
        self.check_session = check_session

    async def authenticate(self, request: HTTPConnection) -> AccessClaims:
        """Verify the request's access token; see `TokenBearer`."""
        auth = self.auth_of(request)
        if self.check_session:
            claims = await auth.verify_access(bearer_token(request), check_session=True)
        else:
            credentials = credentials_of(request.scope)
            try:
                claims = auth.verify_presented(credentials, token_in)
            except Unavailable:
                # Waiting may help, where this worker stood still. It is rare, and kept out of
                # the way of every other request.
                await auth.catch_up()
                claims = auth.verify_presented(credentials, token_in)
        hook: Callable[[Any], object] = self.verify_token_data
        if (returned := hook(claims)) is not None:
            raise misused(hook, returned)
        return claims

    def verify_token_data(self, token_data: AccessClaims) -> None:
        """Accept any access token."""


class RoleChecker(AccessTokenBearer):
    """Wants an access token with at least one of the roles: `Depends(RoleChecker("admin"))`."""

    def __init__(
        self, roles: str | Iterable[str], auth: Auth | None = None, *, check_session: bool = False
    ) -> None:
        super().__init__(auth, check_session=check_session)
        self.roles: frozenset[str] = frozenset({roles} if isinstance(roles, str) else roles)

    def verify_token_data(self, token_data: AccessClaims) -> None:
        """Compare the roles. Raises `InsufficientRole`."""
        if self.roles.isdisjoint(token_data.roles):
            raise InsufficientRole


class RefreshTokenBearer(TokenBearer):
    """Wants a refresh token whose session is live. It does not renew."""

    scheme_name = "RefreshTokenBearer"
    description = "The refresh token of a pair: it opens nothing but renewal and log-out."

    async def authenticate(self, request: HTTPConnection) -> RefreshClaims:
        """Verify the request's refresh token; see `TokenBearer`."""
        claims = await self.auth_of(request).verify_refresh(bearer_token(request))
        hook: Callable[[Any], object] = self.verify_token_data
        if (returned := hook(claims)) is not None:
            raise misused(hook, returned)
        return claims

    def verify_token_data(self, token_data: RefreshClaims) -> None:
        """Accept any refresh token."""


class UnverifiedBearer(SecurityBase):
    """Gives the token as it came, for a flow that verifies it itself.

    OpenAPI shows it as the scheme of `bearer`.
    """

    def __init__(self, bearer: type[TokenBearer]) -> None:
        self.scheme_name: str = bearer.scheme_name
        self.model: HTTPBearer = HTTPBearer(bearerFormat="JWT", description=bearer.description)

    async def __call__(self, request: HTTPConnection) -> str:
        """Raises `NotAuthenticated` and `InvalidRequest`."""
        return bearer_token(request)
