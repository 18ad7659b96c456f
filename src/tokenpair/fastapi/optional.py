"""The bearer of an endpoint that also answers callers without a token."""

from typing import Any, cast

from fastapi.openapi.models import HTTPBearer
from fastapi.security.base import SecurityBase
from starlette.requests import HTTPConnection

from tokenpair.core.tokens.claims import AccessClaims
from tokenpair.fastapi.bearer import AccessTokenBearer
from tokenpair.fastapi.transport.header import answer_offer, has_token

OPTIONAL = "x-optional"
"""Marks a scheme of OpenAPI as optional; its value is the scheme's name without that."""


class OptionalBearer(SecurityBase):
    """Asks a bearer where there is a token, and returns None where there is none.

    There is none without an Authorization header, with an empty token or with another scheme.
    A token that is sent must be valid: a bad one is refused as the bearer refuses it.
    """

    def __init__(self, bearer: AccessTokenBearer) -> None:
        self.bearer = bearer
        # FastAPI cannot say of a scheme that it is optional. Where we are installed, this is
        # put right in the app's document.
        self.scheme_name: str = f"Optional{bearer.scheme_name}"
        mark: dict[str, Any] = {OPTIONAL: bearer.scheme_name}
        self.model: HTTPBearer = HTTPBearer(
            bearerFormat="JWT", description=bearer.description, **mark
        )

    async def __call__(self, request: HTTPConnection) -> AccessClaims | None:
        """Return the claims of the access token, or None; raise what the bearer raises."""
        if has_token(request.scope):
            return cast("AccessClaims", await self.bearer(request))
        answer_offer(request)
        return None
