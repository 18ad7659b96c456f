"""The endpoint that asks for the password again."""

from typing import Annotated, ClassVar

from fastapi import Request, Security
from pydantic import BaseModel, ConfigDict, Field

from tokenpair.auth import Auth
from tokenpair.core.tokens.claims import AccessClaims
from tokenpair.errors import TooManyRequests, WrongPassword
from tokenpair.fastapi.bearer import AccessTokenBearer
from tokenpair.fastapi.device import device_of
from tokenpair.fastapi.endpoints import Endpoints
from tokenpair.fastapi.problems.described import ACCESS_ERRORS, BODY_ERRORS, problem_responses
from tokenpair.fastapi.routes.credentials import Password


class CurrentPassword(BaseModel):
    """The body of a reauthentication."""

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    password: Password


class NewAccessToken(BaseModel):
    """An access token; the time in seconds. Keep your refresh token."""

    access_token: str = Field(repr=False)
    token_type: str = "Bearer"  # noqa: S105  The kind of token (RFC 6749 §7.1).
    expires_in: int


def add_reauthentication(endpoints: Endpoints, auth: Auth) -> None:
    """Add the endpoint of one `Auth`."""
    AccessToken = Annotated[AccessClaims, Security(AccessTokenBearer(auth))]  # noqa: N806  A type.

    @endpoints.add(
        "reauthenticate",
        tags=["sessions"],
        summary="Give your password again",
        responses=problem_responses(*ACCESS_ERRORS, WrongPassword, TooManyRequests, *BODY_ERRORS),
    )
    async def reauthenticate(
        body: CurrentPassword, request: Request, token: AccessToken
    ) -> NewAccessToken:
        """Get an access token for what needs a recent log-in. Your refresh token stays valid."""
        device = device_of(request, proxy_hops=auth.edge.trusted_proxy_hops)
        issued = await auth.reauthenticate(token, body.password, device=device)
        return NewAccessToken(
            access_token=issued.access_token, expires_in=int(issued.expires_in.total_seconds())
        )
