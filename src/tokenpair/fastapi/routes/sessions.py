"""The sessions' endpoints: log in, renew, log out, see and end one's sessions."""

from uuid import UUID

from fastapi import APIRouter, Response

from tokenpair.errors import (
    ExpiredToken,
    InvalidCredentials,
    InvalidToken,
    NotAuthenticated,
    NotFound,
    RefreshTokenRequired,
    SessionEnded,
    TokenSuperseded,
    Unavailable,
)
from tokenpair.fastapi.bearer import RefreshTokenBearer
from tokenpair.fastapi.deps import (
    AccessToken,
    AuthDep,
    RequestDevice,
    UnverifiedAccessToken,
    UnverifiedRefreshToken,
)
from tokenpair.fastapi.problems import ACCESS_ERRORS, BODY_ERRORS, problem_responses
from tokenpair.fastapi.route import ProblemRoute
from tokenpair.fastapi.schemas import Credentials, Pair, SessionInfo

RENEWAL_ERRORS = (
    NotAuthenticated,
    InvalidToken,
    ExpiredToken,
    SessionEnded,
    RefreshTokenRequired,
    TokenSuperseded,
    Unavailable,
)

router = APIRouter(route_class=ProblemRoute, tags=["sessions"])


@router.post("/login", responses=problem_responses(InvalidCredentials, Unavailable, *BODY_ERRORS))
async def log_in(body: Credentials, auth: AuthDep, device: RequestDevice) -> Pair:
    """Open a session on this device: an access token and a refresh token."""
    return Pair.of(await auth.log_in(email=body.email, password=body.password, device=device))


@router.post("/refresh_token", responses=problem_responses(*RENEWAL_ERRORS))
async def renew(token: UnverifiedRefreshToken, auth: AuthDep) -> Pair:
    """Present the refresh token, get the next pair.

    One renewal at a time; after a lost answer, present the same token again.
    """
    return Pair.of(await auth.renew(token))


# The course's way. Its clients send GET, and read only `access_token`.
router.get(
    "/refresh_token",
    deprecated=True,
    name="renew_by_get",
    summary="Renew, as the course does",
    responses=problem_responses(*RENEWAL_ERRORS),
)(renew)


@router.post(
    "/logout",
    status_code=204,
    response_class=Response,
    responses=problem_responses(NotAuthenticated, InvalidToken, Unavailable),
    openapi_extra={"security": [{RefreshTokenBearer.scheme_name: []}]},  # Either will do.
)
async def log_out(token: UnverifiedAccessToken, auth: AuthDep) -> None:
    """End the session of an access token or a refresh token, expired or not. Twice is fine."""
    await auth.log_out(token)


@router.post(
    "/logout/all",
    status_code=204,
    response_class=Response,
    responses=problem_responses(*ACCESS_ERRORS),
)
async def log_out_everywhere(token: AccessToken, auth: AuthDep) -> None:
    """End every session of the user."""
    await auth.log_out_everywhere(token.subject)


@router.get("/sessions", responses=problem_responses(*ACCESS_ERRORS))
async def list_sessions(token: AccessToken, auth: AuthDep) -> list[SessionInfo]:
    """See one's live sessions, newest first."""
    sessions = await auth.list_sessions(token.subject)
    return [SessionInfo.of(session, current=token.session_id) for session in sessions]


@router.delete(
    "/sessions/{session_id}",
    status_code=204,
    response_class=Response,
    responses=problem_responses(*ACCESS_ERRORS, NotFound),
)
async def end_session(session_id: UUID, token: AccessToken, auth: AuthDep) -> None:
    """End one of one's sessions."""
    await auth.end_session(token.subject, session_id)
