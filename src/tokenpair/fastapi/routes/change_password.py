"""The endpoint with which users change their password."""

from typing import Annotated, ClassVar

from fastapi import Request, Response, Security
from pydantic import BaseModel, ConfigDict

from tokenpair.auth import Auth
from tokenpair.core.tokens.claims import AccessClaims
from tokenpair.errors import TooManyRequests, WrongPassword
from tokenpair.fastapi.bearer import AccessTokenBearer
from tokenpair.fastapi.device import device_of
from tokenpair.fastapi.endpoints import Endpoints
from tokenpair.fastapi.problems.described import ACCESS_ERRORS, BODY_ERRORS, problem_responses
from tokenpair.fastapi.routes.credentials import Password


class PasswordChangeBody(BaseModel):
    """The password of the account, and the one that replaces it."""

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    current_password: Password
    new_password: Password


def add_change_password(endpoints: Endpoints, auth: Auth) -> None:
    """Add the endpoint of one `Auth`."""
    AccessToken = Annotated[AccessClaims, Security(AccessTokenBearer(auth))]  # noqa: N806  A type.

    @endpoints.add(
        "password.change",
        tags=["account"],
        summary="Change your password",
        status_code=204,
        response_class=Response,
        responses=problem_responses(*ACCESS_ERRORS, *BODY_ERRORS, WrongPassword, TooManyRequests),
    )
    async def change_password(
        body: PasswordChangeBody, token: AccessToken, request: Request
    ) -> None:
        """Replace your password. All your other sessions end."""
        await auth.change_password(
            token.subject,
            current_password=body.current_password,
            new_password=body.new_password,
            keep_session=token.session_id,
            device=device_of(request, proxy_hops=auth.edge.trusted_proxy_hops),
        )
