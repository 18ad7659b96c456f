"""The endpoints of an account: sign up, see it and change it."""

from typing import Annotated, Any

from fastapi import Request, Security
from fastapi.responses import JSONResponse, Response

from tokenpair.auth import Auth
from tokenpair.core.tokens.claims import AccessClaims
from tokenpair.errors import EmailTaken, SignUpClosed, TooManyRequests, Unavailable
from tokenpair.fastapi.bearer import AccessTokenBearer
from tokenpair.fastapi.device import device_of
from tokenpair.fastapi.endpoints import Endpoints
from tokenpair.fastapi.problems.described import (
    ACCESS_ERRORS,
    BODY_ERRORS,
    PUBLIC,
    problem_responses,
)
from tokenpair.fastapi.profile import Profile, Profiles
from tokenpair.fastapi.routes.account_schemas import AccountSchemas


def add_account(endpoints: Endpoints, auth: Auth, profiles: Profiles[Profile]) -> None:
    """Add the endpoints of one `Auth`, for an app's profile. Raises `ConfigurationError`."""
    tags = ["account"]
    AccessToken = Annotated[AccessClaims, Security(AccessTokenBearer(auth))]  # noqa: N806  A type.
    schemas = AccountSchemas(profiles)
    # They are made here, for this app: a type checker does not accept them as types.
    sign_up_body: Any = schemas.sign_up
    changes_body: Any = schemas.changes

    @endpoints.add(
        "signup",
        tags=tags,
        summary="Sign up",
        status_code=201,
        response_model=schemas.user,
        responses=problem_responses(
            EmailTaken, SignUpClosed, TooManyRequests, Unavailable, *BODY_ERRORS
        ),
        openapi_extra=PUBLIC,
    )
    async def sign_up(body: sign_up_body, request: Request) -> Response:
        """Create an account."""
        user = await auth.sign_up(
            email=body.email,
            password=body.password,
            profile=body.profile,
            device=device_of(request, proxy_hops=auth.edge.trusted_proxy_hops),
        )
        return JSONResponse(schemas.show(user), status_code=201)

    @endpoints.add(
        "me",
        tags=tags,
        summary="See your account",
        response_model=schemas.user,
        responses=problem_responses(*ACCESS_ERRORS),
    )
    async def me(token: AccessToken) -> Response:
        """See your own account."""
        return JSONResponse(schemas.show(await auth.get_user(token.subject)))

    if not profiles.wire_names:
        return  # The profile has no fields to change.

    @endpoints.add(
        "me.update",
        tags=tags,
        summary="Change your account",
        response_model=schemas.user,
        responses=problem_responses(*ACCESS_ERRORS, *BODY_ERRORS),
    )
    async def update_me(body: changes_body, token: AccessToken) -> Response:
        """Change some of your profile fields; the others stay as they are."""
        user = await auth.update_own_profile(token, body, merge=schemas.merge)
        return JSONResponse(schemas.show(user))
