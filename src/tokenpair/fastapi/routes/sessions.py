"""The endpoints of sessions: log in, renew, log out, list and end your sessions."""

import logging
from datetime import datetime
from typing import Annotated, Any, Self
from uuid import UUID

from fastapi import Request, Response, Security
from fastapi.routing import APIRoute
from pydantic import BaseModel

from tokenpair.auth import Auth
from tokenpair.core.sessions.rule import Session
from tokenpair.core.tokens.claims import AccessClaims
from tokenpair.errors import (
    AuthError,
    ExpiredToken,
    InvalidCredentials,
    InvalidToken,
    NotAuthenticated,
    NotFound,
    RefreshTokenRequired,
    SessionEnded,
    TokenError,
    TokenSuperseded,
    TooManyRequests,
    Unavailable,
)
from tokenpair.fastapi.bearer import AccessTokenBearer, DescribedBearer, RefreshTokenBearer
from tokenpair.fastapi.device import device_of
from tokenpair.fastapi.endpoints import Endpoints
from tokenpair.fastapi.problems.described import (
    ACCESS_ERRORS,
    BODY_ERRORS,
    PUBLIC,
    problem_responses,
)
from tokenpair.fastapi.route import DirectRoute, ProblemRoute
from tokenpair.fastapi.routes.credentials import Credentials
from tokenpair.fastapi.transport.choice import Transports
from tokenpair.fastapi.transport.described import (
    asking,
    by_cookie,
    cookie_errors,
    log_in_errors,
    marked,
    pair_model,
)
from tokenpair.fastapi.transport.header import Pair

RENEWAL_ERRORS = (
    NotAuthenticated,
    InvalidToken,
    ExpiredToken,
    SessionEnded,
    RefreshTokenRequired,
    TokenSuperseded,
    Unavailable,
)
LOG_IN_ERRORS: tuple[type[AuthError], ...] = (
    InvalidCredentials,
    TooManyRequests,
    Unavailable,
    *BODY_ERRORS,
)
LOG_OUT_ERRORS = (NotAuthenticated, InvalidToken, Unavailable)

_log = logging.getLogger(__name__)


class SessionInfo(BaseModel):
    """One log-in on one device; `current` is true for the session of the request."""

    id: UUID
    created_at: datetime
    seen_at: datetime
    expires_at: datetime
    user_agent: str | None
    ip: str | None
    current: bool

    @classmethod
    def of(cls, session: Session, *, current: UUID) -> Self:
        """Return the body for a session."""
        return cls(
            id=session.id,
            created_at=session.created_at,
            seen_at=session.seen_at,
            expires_at=session.expires_at,
            user_agent=session.user_agent,
            ip=session.ip,
            current=session.id == current,
        )


def add_renewal(endpoints: Endpoints, auth: Auth, transports: Transports) -> None:
    """Add the endpoints that are called most: before all others, without FastAPI's dependencies.

    If the app has dependencies for every route, they run here, too.
    """

    async def renew(request: Request) -> Response:
        """Present the refresh token, and get the next pair.

        Send one renewal at a time. If an answer is lost, present the same token again.
        """
        transport = transports.of_token(request)
        return transport.pair(request, await auth.renew(transport.token(request)))

    options: dict[str, Any] = {"tags": ["sessions"]}
    by_header = [Security(DescribedBearer(RefreshTokenBearer))]

    def route_class(name: str) -> type[APIRoute]:
        return ProblemRoute if endpoints.has_dependencies(name) else DirectRoute

    endpoints.add(
        "refresh_token",
        summary="Renew",
        route_class=route_class("refresh_token"),
        response_model=pair_model(transports),
        responses=problem_responses(*RENEWAL_ERRORS, *cookie_errors(transports)),
        dependencies=[*by_header, *by_cookie(transports)],
        openapi_extra=marked(transports),
        **options,
    )(renew)
    # For clients of the course's API, which send GET and read only `access_token`.
    endpoints.add(
        "refresh_token.get",
        deprecated=True,
        name="renew_by_get",
        summary="Renew, as the course does",
        route_class=route_class("refresh_token.get"),
        response_model=Pair,
        responses=problem_responses(*RENEWAL_ERRORS),
        dependencies=by_header,
        **options,
    )(renew)


def add_log_in(endpoints: Endpoints, auth: Auth, transports: Transports) -> None:
    """Add the endpoints that open a session and end it."""
    tags = ["sessions"]

    @endpoints.add(
        "login",
        tags=tags,
        summary="Log in",
        response_model=pair_model(transports),
        responses=problem_responses(*LOG_IN_ERRORS, *log_in_errors(transports)),
        openapi_extra=PUBLIC | asking(transports),
    )
    async def log_in(body: Credentials, request: Request) -> Response:
        """Open a session on this device: an access token and a refresh token."""
        transport = transports.of_log_in(request)
        device = device_of(request, proxy_hops=auth.edge.trusted_proxy_hops)
        pair = await auth.log_in(email=body.email, password=body.password, device=device)
        for older in transport.older_tokens(request):
            await _end_older(auth, older)
        return transport.pair(request, pair)

    @endpoints.add(
        "logout",
        tags=tags,
        summary="Log out",
        status_code=204,
        response_class=Response,
        responses=problem_responses(*LOG_OUT_ERRORS, *cookie_errors(transports)),
        dependencies=[Security(DescribedBearer(AccessTokenBearer)), *by_cookie(transports)],
        # Either token is accepted.
        openapi_extra={"security": [{RefreshTokenBearer.scheme_name: []}]} | marked(transports),
    )
    async def log_out(request: Request) -> Response:
        """End the session of an access token or a refresh token, which may have expired.

        A repeated log-out has the same answer.
        """
        transport = transports.of_token(request)
        await auth.log_out(transport.token(request))
        return transport.logged_out(request)


async def _end_older(auth: Auth, token: str) -> None:
    """End the session that a log-in replaces, if that is possible: the log-in has succeeded."""
    try:
        await auth.log_out(token)
    except TokenError:
        pass  # Any value may be in a cookie.
    except Unavailable as exc:
        _log.warning("the session that a log-in replaces could not be ended: %s", exc)


def add_sessions(endpoints: Endpoints, auth: Auth) -> None:
    """Add the endpoints for all sessions of a user."""
    tags = ["sessions"]
    AccessToken = Annotated[AccessClaims, Security(AccessTokenBearer(auth))]  # noqa: N806  A type.

    @endpoints.add(
        "logout.all",
        tags=tags,
        summary="Log out everywhere",
        status_code=204,
        response_class=Response,
        responses=problem_responses(*ACCESS_ERRORS),
    )
    async def log_out_everywhere(token: AccessToken) -> None:
        """End every session of the user."""
        await auth.log_out_everywhere(token.subject)

    @endpoints.add(
        "logout.others",
        tags=tags,
        summary="Log out everywhere else",
        status_code=204,
        response_class=Response,
        responses=problem_responses(*ACCESS_ERRORS),
    )
    async def log_out_elsewhere(token: AccessToken) -> None:
        """End every session of the user but the one of the request."""
        await auth.log_out_elsewhere(token.subject, keep=token.session_id)

    @endpoints.add(
        "sessions",
        tags=tags,
        summary="See your sessions",
        responses=problem_responses(*ACCESS_ERRORS),
    )
    async def list_sessions(token: AccessToken) -> list[SessionInfo]:
        """See your live sessions, newest first."""
        sessions = await auth.list_sessions(token.subject)
        return [SessionInfo.of(session, current=token.session_id) for session in sessions]

    @endpoints.add(
        "sessions.end",
        tags=tags,
        summary="End a session",
        status_code=204,
        response_class=Response,
        responses=problem_responses(*ACCESS_ERRORS, NotFound),
    )
    async def end_session(session_id: UUID, token: AccessToken) -> None:
        """End one of your sessions."""
        await auth.end_session(token.subject, session_id)
