"""The bearer of endpoints that also accept requests without a token."""

from typing import Any, cast

from fastapi.openapi.models import HTTPBearer
from fastapi.security.base import SecurityBase
from starlette.requests import HTTPConnection

from tokenpair.core.tokens.claims import AccessClaims
from tokenpair.fastapi.bearer import AccessTokenBearer
from tokenpair.fastapi.transport.header import answer_offer, has_token

OPTIONAL = "x-optional"
"""Marks an OpenAPI scheme as optional. Its value is the name of the scheme that is required."""


class OptionalBearer(SecurityBase):
    """Calls a bearer if a token was sent, and returns None if not.

    Without an Authorization header, with an empty token or with another scheme, no token was sent.
    A token that was sent must be valid: an invalid one is refused as the bearer refuses it.
    """

    def __init__(self, bearer: AccessTokenBearer) -> None:
        self.bearer = bearer
        # FastAPI cannot describe an optional scheme. `install` corrects the app's document.
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
