"""The endpoints for a forgotten password: ask for the mail, and present its token."""

from typing import ClassVar

from fastapi import Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, ConfigDict

from tokenpair.auth import Auth
from tokenpair.errors import MailTokenInvalid, TooManyRequests, Unavailable
from tokenpair.fastapi.device import device_of
from tokenpair.fastapi.endpoints import Endpoints
from tokenpair.fastapi.problems.described import BODY_ERRORS, PUBLIC, problem_responses
from tokenpair.fastapi.routes.credentials import Email, Password
from tokenpair.fastapi.routes.mail_links import Accepted, TokenBody

SENT = "If there is an account with this address, a link was sent to it."


class ForgottenBody(BaseModel):
    """The address of the account."""

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    email: Email


class ResetBody(TokenBody):
    """The token from the mail, and the new password."""

    new_password: Password


def add_password_reset(endpoints: Endpoints, auth: Auth) -> None:
    """Add the endpoints of one `Auth`."""
    tags = ["account"]

    @endpoints.add(
        "password.forgot",
        tags=tags,
        summary="Request a mail to reset your password",
        status_code=202,
        response_model=Accepted,
        responses=problem_responses(TooManyRequests, Unavailable, *BODY_ERRORS),
        openapi_extra=PUBLIC,
    )
    async def forgot_password(body: ForgottenBody, request: Request) -> Response:
        """Get a mail with a link. The answer is the same for an address without an account."""
        device = device_of(request, proxy_hops=auth.edge.trusted_proxy_hops)
        await auth.forgot_password(email=body.email, device=device)
        return JSONResponse({"detail": SENT}, status_code=202)

    @endpoints.add(
        "password.reset",
        tags=tags,
        summary="Reset your password",
        status_code=204,
        responses=problem_responses(MailTokenInvalid, TooManyRequests, Unavailable, *BODY_ERRORS),
        openapi_extra=PUBLIC,
    )
    async def reset_password(body: ResetBody, request: Request) -> None:
        """Present the token from the mail and a new password. All your sessions end: log in."""
        device = device_of(request, proxy_hops=auth.edge.trusted_proxy_hops)
        await auth.reset_password(token=body.token, new_password=body.new_password, device=device)
