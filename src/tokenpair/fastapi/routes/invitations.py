"""The endpoint with which an invited user makes an account."""

from typing import Any

from fastapi import Request
from fastapi.responses import JSONResponse, Response

from tokenpair.auth import Auth
from tokenpair.errors import MailTokenInvalid, SignUpClosed, TooManyRequests, Unavailable
from tokenpair.fastapi.device import device_of
from tokenpair.fastapi.endpoints import Endpoints
from tokenpair.fastapi.problems.described import BODY_ERRORS, PUBLIC, problem_responses
from tokenpair.fastapi.profile import Profile, Profiles
from tokenpair.fastapi.routes.account_schemas import AccountSchemas


def add_invitations(endpoints: Endpoints, auth: Auth, profiles: Profiles[Profile]) -> None:
    """Add the endpoint of one `Auth`, for an app's profile."""
    schemas = AccountSchemas(profiles)
    # It is made here, for this app: a type checker does not accept it as a type.
    acceptance_body: Any = schemas.acceptance

    @endpoints.add(
        "invitations.accept",
        tags=["account"],
        summary="Accept an invitation",
        status_code=201,
        response_model=schemas.user,
        responses=problem_responses(
            MailTokenInvalid, SignUpClosed, TooManyRequests, Unavailable, *BODY_ERRORS
        ),
        openapi_extra=PUBLIC,
    )
    async def accept_invitation(body: acceptance_body, request: Request) -> Response:
        """Create the account that you are invited to, with a password of your choice."""
        user = await auth.accept_invitation(
            token=body.token,
            password=body.password,
            profile=body.profile,
            device=device_of(request, proxy_hops=auth.edge.trusted_proxy_hops),
        )
        return JSONResponse(schemas.show(user), status_code=201)
