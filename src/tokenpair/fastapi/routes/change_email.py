"""The endpoints with which users change the address of their account."""

from typing import Annotated, ClassVar

from fastapi import Request, Response, Security
from pydantic import BaseModel, ConfigDict

from tokenpair.auth import Auth
from tokenpair.core.tokens.claims import AccessClaims
from tokenpair.errors import MailTokenInvalid, TooManyRequests, Unavailable, WrongPassword
from tokenpair.fastapi.bearer import AccessTokenBearer
from tokenpair.fastapi.device import device_of
from tokenpair.fastapi.endpoints import Endpoints
from tokenpair.fastapi.problems.described import (
    ACCESS_ERRORS,
    BODY_ERRORS,
    PUBLIC,
    problem_responses,
)
from tokenpair.fastapi.routes.credentials import Email, Password
from tokenpair.fastapi.routes.mail_links import Accepted, TokenBody

SENT = "If the new address can be used, a link was sent to it. Nothing changes until you follow it."


class EmailChange(BaseModel):
    """The password of the account, and the new address."""

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    password: Password
    new_email: Email


def add_change_email(endpoints: Endpoints, auth: Auth) -> None:
    """Add the endpoints of one `Auth`."""
    tags = ["account"]
    AccessToken = Annotated[AccessClaims, Security(AccessTokenBearer(auth))]  # noqa: N806  A type.

    @endpoints.add(
        "email.change",
        tags=tags,
        summary="Change your address",
        status_code=202,
        responses=problem_responses(*ACCESS_ERRORS, *BODY_ERRORS, WrongPassword, TooManyRequests),
    )
    async def change_email(body: EmailChange, token: AccessToken, request: Request) -> Accepted:
        """Get a mail with a link at your new address. The old one gets a mail, too.

        The answer is the same if another account has the address.
        """
        await auth.change_email(
            token.subject,
            password=body.password,
            new_email=body.new_email,
            keep_session=token.session_id,
            device=device_of(request, proxy_hops=auth.edge.trusted_proxy_hops),
        )
        return Accepted(detail=SENT)

    @endpoints.add(
        "email.change.confirm",
        tags=tags,
        summary="Confirm your new address",
        status_code=204,
        response_class=Response,
        responses=problem_responses(MailTokenInvalid, TooManyRequests, Unavailable, *BODY_ERRORS),
        openapi_extra=PUBLIC,
    )
    async def confirm_email_change(body: TokenBody, request: Request) -> None:
        """Send the token of the link. The address is changed, and your other sessions end."""
        device = device_of(request, proxy_hops=auth.edge.trusted_proxy_hops)
        await auth.confirm_email_change(body.token, device=device)
