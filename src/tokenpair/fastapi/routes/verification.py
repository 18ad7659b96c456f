"""The endpoints that verify an address: ask for the mail, and present its token."""

from typing import Annotated

from fastapi import Request, Security
from fastapi.responses import JSONResponse, Response

from tokenpair.auth import Auth
from tokenpair.core.tokens.claims import AccessClaims
from tokenpair.errors import MailTokenInvalid, TooManyRequests, Unavailable
from tokenpair.fastapi.bearer import AccessTokenBearer
from tokenpair.fastapi.device import device_of
from tokenpair.fastapi.endpoints import Endpoints
from tokenpair.fastapi.problems.described import (
    ACCESS_ERRORS,
    BODY_ERRORS,
    PUBLIC,
    problem_responses,
)
from tokenpair.fastapi.routes.mail_links import Accepted, TokenBody

SENT = "If your address was not verified, a link was sent to it."


def add_verification(endpoints: Endpoints, auth: Auth) -> None:
    """Add the endpoints of one `Auth`."""
    tags = ["account"]
    AccessToken = Annotated[AccessClaims, Security(AccessTokenBearer(auth))]  # noqa: N806  A type.

    @endpoints.add(
        "email.verify.request",
        tags=tags,
        summary="Request a mail to verify your address",
        status_code=202,
        response_model=Accepted,
        responses=problem_responses(*ACCESS_ERRORS),
    )
    async def request_verification(token: AccessToken) -> Response:
        """Get a mail with a link. If your address is verified already, nothing is sent."""
        await auth.request_verification(token.subject)
        return JSONResponse({"detail": SENT}, status_code=202)

    @endpoints.add(
        "email.verify",
        tags=tags,
        summary="Verify your address",
        status_code=204,
        responses=problem_responses(MailTokenInvalid, TooManyRequests, Unavailable, *BODY_ERRORS),
        openapi_extra=PUBLIC,
    )
    async def verify_email(body: TokenBody, request: Request) -> None:
        """Present the token from the mail. Access tokens are stale then: renew."""
        device = device_of(request, proxy_hops=auth.edge.trusted_proxy_hops)
        await auth.verify_email(body.token, device=device)
