"""Put tokenpair into a FastAPI app."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import APIRouter, FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from tokenpair.auth import Auth
from tokenpair.errors import AuthError, ConfigurationError
from tokenpair.fastapi.bearer import installed
from tokenpair.fastapi.problems import (
    answer_auth_error,
    answer_crash,
    answer_http_exception,
    answer_invalid_body,
)
from tokenpair.fastapi.routes import well_known
from tokenpair.fastapi.routes.account import account_router
from tokenpair.fastapi.routes.sessions import add_renewal, sessions_router
from tokenpair.fastapi.schemas import Profile


def install(
    app: FastAPI,
    auth: Auth,
    *,
    prefix: str = "/auth",
    profile: type[Profile] = Profile,
    problems: bool = False,
) -> None:
    """Add the endpoints under `prefix`, the public keys at the root, and `auth` to the app.

    `auth` opens when the app starts and closes when it stops. `profile` has the app's own
    fields of an account. The app's other answers stay as they are, but for our own errors,
    which only our dependencies raise; with `problems=True` every error of the app, a missing
    page and a crash included, is answered as a problem (RFC 9457).

    An app may install several, each under a prefix of its own. The bearers want tokens of the
    first, or of the one that they are given. Raises `ConfigurationError`.
    """

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with auth:
            yield

    if "{" in prefix:
        raise ConfigurationError(f"the prefix {prefix!r} must be the same for every request")
    others = installed(app)
    if prefix in others:
        raise ConfigurationError(
            f"under {prefix!r} there is an Auth already: choose another prefix"
        )
    app.state.tokenpair = {**others, prefix: auth}
    app.include_router(APIRouter(lifespan=lifespan))
    add_renewal(app, auth, prefix)
    app.include_router(account_router(auth, profile), prefix=prefix)
    app.include_router(sessions_router(auth), prefix=prefix)
    if not others:
        app.include_router(well_known.router)
    app.exception_handlers.setdefault(AuthError, answer_auth_error)
    if problems:
        app.add_exception_handler(RequestValidationError, answer_invalid_body)
        app.add_exception_handler(HTTPException, answer_http_exception)
        app.add_exception_handler(Exception, answer_crash)
