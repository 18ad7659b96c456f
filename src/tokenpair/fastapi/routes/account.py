"""The account's own endpoints: sign up, see and change oneself."""

from typing import Annotated, Any

from fastapi import Security

from tokenpair.auth import Auth
from tokenpair.core.claims import AccessClaims
from tokenpair.errors import EmailTaken, Unavailable
from tokenpair.fastapi.bearer import AccessTokenBearer
from tokenpair.fastapi.described import ACCESS_ERRORS, BODY_ERRORS, PUBLIC, problem_responses
from tokenpair.fastapi.endpoints import Endpoints
from tokenpair.fastapi.schemas import AccountSchemas, Profile


def add_account(endpoints: Endpoints, auth: Auth, profile: type[Profile]) -> None:
    """Add the endpoints of one `Auth`, for an app's profile. Raises `ConfigurationError`."""
    tags = ["account"]
    AccessToken = Annotated[AccessClaims, Security(AccessTokenBearer(auth))]  # noqa: N806  A type.
    schemas = AccountSchemas(profile)
    # Made here, for this app: to a type checker they are no types.
    sign_up_body: Any = schemas.sign_up
    changes_body: Any = schemas.changes

    @endpoints.add(
        "signup",
        tags=tags,
        summary="Sign up",
        status_code=201,
        response_model=schemas.user,
        responses=problem_responses(EmailTaken, Unavailable, *BODY_ERRORS),
        openapi_extra=PUBLIC,
    )
    async def sign_up(body: sign_up_body) -> Any:  # noqa: ANN401
        """Make an account."""
        user = await auth.sign_up(
            email=body.email, password=body.password, profile=schemas.profile_of(body)
        )
        return schemas.show(user)

    @endpoints.add(
        "me",
        tags=tags,
        summary="See your account",
        response_model=schemas.user,
        responses=problem_responses(*ACCESS_ERRORS),
    )
    async def me(token: AccessToken) -> Any:  # noqa: ANN401
        """See one's own account."""
        return schemas.show(await auth.get_user(token.subject))

    if not profile.model_fields:
        return  # There is nothing to change.

    @endpoints.add(
        "me.update",
        tags=tags,
        summary="Change your account",
        response_model=schemas.user,
        responses=problem_responses(*ACCESS_ERRORS, *BODY_ERRORS),
    )
    async def update_me(body: changes_body, token: AccessToken) -> Any:  # noqa: ANN401
        """Change some of one's own profile fields; the others stay as they are."""
        return schemas.show(await auth.update_profile(token.subject, schemas.changes_of(body)))
