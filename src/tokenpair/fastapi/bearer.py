"""The bearer classes: a base class that does all checks, and two children.

The kind of a token is checked when it is decoded, so a subclass that overrides the hook keeps that
check. Use an instance as a dependency::

    @app.get("/books")
    async def books(token: AccessClaims = Depends(AccessTokenBearer())): ...

To demand more, override the hook in a subclass::

    class AdminBearer(AccessTokenBearer):
        def verify_token_data(self, token_data: AccessClaims) -> None:
            if "admin" not in token_data.roles:
                raise InsufficientRole
"""

import inspect
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from fastapi.openapi.models import HTTPBearer
from fastapi.security.base import SecurityBase
from starlette.requests import HTTPConnection

from tokenpair.auth import Auth
from tokenpair.core.tokens.claims import AccessClaims, Claims, RefreshClaims
from tokenpair.errors import AuthError, InsufficientRole
from tokenpair.fastapi.problems.answer import answerable
from tokenpair.fastapi.registry import installations
from tokenpair.fastapi.transport.header import (
    access_claims,
    answer_offer,
    bearer_token,
    credentials_of,
    verified_claims,
)

_Claims = TypeVar("_Claims", bound=Claims)


def get_auth(request: HTTPConnection) -> Auth:
    """Return the `Auth` that was installed first into the request's app.

    Raises `RuntimeError` where none was installed.
    """
    for each in installations(request.scope["app"]).values():
        return each.auth
    # A mistake in the program, not in the request: so it is not an AuthError.
    raise RuntimeError(
        "no Auth is installed into this app: call tokenpair.fastapi.install(app, auth)"
    )


def misused(hook: Callable[[Any], object], returned: object) -> TypeError:
    """Return the error for a hook that returns a value, such as a verdict or a coroutine."""
    if inspect.iscoroutine(returned):
        returned.close()  # Or Python warns that it was never awaited.
    name = getattr(hook, "__qualname__", type(hook).__name__)
    return TypeError(
        f"{name} returned {type(returned).__name__}: it must return None, and must not be async. "
        "To refuse a token, raise an AuthError or an HTTPException"
    )


class TokenBearer(SecurityBase):
    """The base class: it checks a token of either kind, then calls the hook.

    As a dependency it returns the token's claims. Derive from one of its children, or from this
    class to accept both kinds, and override `verify_token_data`. It accepts tokens of `auth`, by
    default of the `Auth` that was installed first into the app.
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
        # The last app that asked, and its `Auth`: mostly there is only one app.
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
        """Verify the token of a request or of a WebSocket's handshake.

        Raises a `TokenError`, `NotAuthenticated` or `InvalidRequest`, and what the hook raises. In
        an app without `install` these are answered, too.
        """
        if request.scope["type"] == "websocket":
            answer_offer(request)
        try:
            return await self.authenticate(request)
        except AuthError as exc:
            raise answerable(request, exc) from exc.__cause__

    async def authenticate(self, request: HTTPConnection) -> Claims:
        """Verify the request's token, for code that answers the errors itself."""
        claims = await verified_claims(self.auth_of(request), credentials_of(request.scope))
        return self._accepted(claims)

    def _accepted(self, claims: _Claims) -> _Claims:
        """Return claims that the hook accepts."""
        hook: Callable[[Any], object] = self.verify_token_data
        if (returned := hook(claims)) is not None:
            raise misused(hook, returned)
        return claims

    def verify_token_data(self, token_data: Any) -> None:  # noqa: ANN401  Each child says which.
        """Demand more of a verified token: override this, and raise to refuse the token.

        `token_data` are the `Claims` of the token: of either kind here, of one kind in each child.
        Every `AuthError` and `HTTPException` is answered. The hook must return None: if it returns
        anything else, a `TypeError` is raised and the caller is refused. It must do no I/O: write
        a dependency for that.
        """
        raise NotImplementedError("override verify_token_data in a child class")


class AccessTokenBearer(TokenBearer):
    """Requires an access token of a live session, with the roles that the user has now.

    This needs no query: a change at another worker is known here within milliseconds, at worst
    after the next poll. With `check_session` it queries the database, for endpoints that cannot
    accept that delay.
    """

    scheme_name = "AccessTokenBearer"
    description = "The access token of a pair: what `/login` and `/refresh_token` answer."

    def __init__(self, auth: Auth | None = None, *, check_session: bool = False) -> None:
        super().__init__(auth)
        self.check_session = check_session

    async def authenticate(self, request: HTTPConnection) -> AccessClaims:
        """Verify the request's access token; see `TokenBearer`."""
        auth = self.auth_of(request)
        claims = await access_claims(auth, credentials_of(request.scope))
        if self.check_session:
            await auth.require_session(claims)
        return self._accepted(claims)

    def verify_token_data(self, token_data: AccessClaims) -> None:
        """Accept any access token."""


class RoleChecker(AccessTokenBearer):
    """Requires an access token with one of the roles: `Depends(RoleChecker("admin"))`."""

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
    """Requires a refresh token of a live session. It does not renew."""

    scheme_name = "RefreshTokenBearer"
    description = "The refresh token of a pair: it opens nothing but renewal and log-out."

    async def authenticate(self, request: HTTPConnection) -> RefreshClaims:
        """Verify the request's refresh token; see `TokenBearer`."""
        claims = await self.auth_of(request).verify_refresh(bearer_token(request))
        return self._accepted(claims)

    def verify_token_data(self, token_data: RefreshClaims) -> None:
        """Accept any refresh token."""


class DescribedBearer(SecurityBase):
    """Describes the token of an endpoint in OpenAPI, with the scheme of `bearer`.

    It does nothing else: the endpoint's transport reads the token, and its flow verifies it.
    """

    def __init__(self, bearer: type[TokenBearer]) -> None:
        self.scheme_name: str = bearer.scheme_name
        self.model: HTTPBearer = HTTPBearer(bearerFormat="JWT", description=bearer.description)

    async def __call__(self) -> None:
        """Do nothing."""
