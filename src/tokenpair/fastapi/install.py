"""Put tokenpair into a FastAPI app."""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager

from fastapi import APIRouter, FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.params import Depends
from starlette.exceptions import HTTPException

from tokenpair.auth import Auth
from tokenpair.core.accounts.sign_up_mode import SignUpMode
from tokenpair.errors import AuthError, ConfigurationError
from tokenpair.fastapi.endpoints import ENDPOINTS, Endpoints, left_out
from tokenpair.fastapi.openapi import correct_openapi
from tokenpair.fastapi.problems.answer import answer_crash, answer_error
from tokenpair.fastapi.profile import Profile, Profiles
from tokenpair.fastapi.registry import Installation, installations
from tokenpair.fastapi.routes.account import add_account
from tokenpair.fastapi.routes.change_email import add_change_email
from tokenpair.fastapi.routes.change_password import add_change_password
from tokenpair.fastapi.routes.invitations import add_invitations
from tokenpair.fastapi.routes.own_account import add_own_account
from tokenpair.fastapi.routes.password_reset import add_password_reset
from tokenpair.fastapi.routes.reauthenticate import add_reauthentication
from tokenpair.fastapi.routes.sessions import add_log_in, add_renewal, add_sessions
from tokenpair.fastapi.routes.verification import add_verification
from tokenpair.fastapi.routes.well_known import add_well_known
from tokenpair.fastapi.transport.choice import Transports
from tokenpair.fastapi.transport.cookie import NAME, CookieTransport


def install(
    app: FastAPI,
    auth: Auth,
    *,
    prefix: str = "/auth",
    profile: type[Profile] = Profile,
    problems: bool = False,
    without: Iterable[str] = (),
    dependencies: Sequence[Depends] = (),
    before: Mapping[str, Sequence[Depends]] | None = None,
    cookie_name: str = NAME,
) -> None:
    """Add the endpoints under `prefix`, the public keys at the root, and `auth` to the app.

    `auth` opens when the app starts and closes when it stops. `profile` has the app's own fields of
    an account. The app's own errors are answered as before; with `problems=True` every error of
    the app, including 404 and 500, is answered as a problem (RFC 9457), and OpenAPI describes a 422
    as one.

    `without` names the endpoints to leave out: `"signup"`, `"login"`, `"refresh_token"` (with
    its deprecated GET, which alone is `"refresh_token.get"`), `"reauthenticate"`, `"logout"`,
    `"logout.all"`, `"logout.others"`, `"password.change"`, `"password.forgot"`, `"password.reset"`,
    `"email.change"`, `"email.change.confirm"`, `"email.verify"`, `"email.verify.request"`,
    `"invitations.accept"`, `"me"`, `"me.update"`, `"me.delete"`, `"me.export"`, `"sessions"`,
    `"sessions.end"`, `"jwks"`, `"metadata"`. An endpoint that the app has already is not added, and
    a warning is logged. `dependencies` run before every endpoint that is added, like those of a
    FastAPI router; `before={"login": [Depends(captcha)]}` runs others before the endpoints that it
    names, and before an attempt is counted. Unless `TOKENPAIR_SIGN_UP` is `open`, `"signup"` is
    left out, and if it is `closed`, so is `"invitations.accept"`.

    An app may install several `Auth`s, each under its own prefix. The bearers accept tokens of the
    first one, or of the one that they are given. If several use cookies, each needs a `cookie_name`
    of its own, which begins with `__Host-`; so do two apps on one host, because cookies ignore
    ports. Raises `ConfigurationError`.
    """
    names = _endpoint_names(without) | _closed(auth)
    others = installations(app)
    _require_prefix(prefix, others)
    _require_known("before", before or {})
    transports = _transports(auth, cookie_name, others)
    endpoints = Endpoints(
        app, prefix=prefix, without=names, dependencies=dependencies, before=before
    )
    profiles = Profiles(profile)
    _add_endpoints(endpoints, auth, profiles, transports)
    installation = Installation(
        auth=auth,
        profiles=profiles,
        without=names,
        routes=tuple(endpoints.routes),
        open_routes=tuple(endpoints.open_routes),
        cookie_name=transports.cookie.name if transports.cookie else None,
    )
    app.state.tokenpair = {**others, prefix: installation}
    _open_with(app, auth)
    if not others:
        correct_openapi(app)
    _answer_errors(app, all_errors=problems)


def _answer_errors(app: FastAPI, *, all_errors: bool) -> None:
    app.exception_handlers.setdefault(AuthError, answer_error)
    if all_errors:
        app.add_exception_handler(RequestValidationError, answer_error)
        app.add_exception_handler(HTTPException, answer_error)
        app.add_exception_handler(Exception, answer_crash)


def _transports(auth: Auth, cookie_name: str, others: dict[str, Installation]) -> Transports:
    cookie = CookieTransport(cookie_name)
    if not auth.edge.cookies:
        return Transports()
    if any(each.cookie_name == cookie_name for each in others.values()):
        raise ConfigurationError(
            f"another Auth of the app uses the cookie {cookie_name!r}: "
            "choose another one with install(..., cookie_name=...)"
        )
    return Transports(cookie=cookie, origins=auth.edge.origins)


def _add_endpoints(
    endpoints: Endpoints, auth: Auth, profiles: Profiles[Profile], transports: Transports
) -> None:
    add_renewal(endpoints, auth, transports)
    add_account(endpoints, auth, profiles)
    if auth.sends_mail:
        add_invitations(endpoints, auth, profiles)
    add_change_password(endpoints, auth)
    if auth.sends_mail:
        add_change_email(endpoints, auth)
        add_verification(endpoints, auth)
        add_password_reset(endpoints, auth)
    add_own_account(endpoints, auth)
    add_log_in(endpoints, auth, transports)
    add_reauthentication(endpoints, auth)
    add_sessions(endpoints, auth)
    add_well_known(endpoints, auth)


def _endpoint_names(without: Iterable[str]) -> frozenset[str]:
    names = frozenset([without] if isinstance(without, str) else without)
    _require_known("without", names)
    return left_out(names)


def _require_known(argument: str, names: Iterable[str]) -> None:
    if unknown := set(names) - ENDPOINTS.keys():
        raise ConfigurationError(
            f"install({argument}=...): there is no endpoint {min(unknown)!r}. "
            f"The endpoints are {', '.join(map(repr, ENDPOINTS))}"
        )


def _closed(auth: Auth) -> frozenset[str]:
    """Return the endpoints that `TOKENPAIR_SIGN_UP` closes."""
    match auth.sign_up.sign_up_mode:
        case SignUpMode.OPEN:
            return frozenset()
        case SignUpMode.INVITED:
            return frozenset({"signup"})
        case SignUpMode.CLOSED:
            return frozenset({"signup", "invitations.accept"})


def _require_prefix(prefix: str, others: dict[str, Installation]) -> None:
    if "{" in prefix:
        raise ConfigurationError(f"the prefix {prefix!r} must not have parameters")
    if prefix and (not prefix.startswith("/") or prefix.endswith("/")):
        raise ConfigurationError(f"the prefix {prefix!r} must look like '/auth'")
    if prefix in others:
        raise ConfigurationError(
            f"an Auth is installed under the prefix {prefix!r} already: choose another prefix"
        )


def _open_with(app: FastAPI, auth: Auth) -> None:
    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with auth:
            yield

    app.include_router(APIRouter(lifespan=lifespan))
