"""The public keys (RFC 7517 §5), for anyone to verify access tokens by."""

from typing import Any

from fastapi import Request, Response
from fastapi.responses import JSONResponse

from tokenpair.core.rotation import JWKS_MAX_AGE
from tokenpair.fastapi.endpoints import Endpoints
from tokenpair.fastapi.registry import installations


class JwkSetResponse(JSONResponse):
    """A JWK set (RFC 7517 §8.5.2)."""

    media_type = "application/jwk-set+json"


def add_well_known(endpoints: Endpoints) -> None:
    """Add the endpoints that are for every `Auth` of an app together."""

    @endpoints.add(
        "jwks", tags=["keys"], summary="See the public keys", response_class=JwkSetResponse
    )
    async def jwks(request: Request, response: Response) -> dict[str, Any]:
        """See the public keys, of every issuer in this app."""
        response.headers["Cache-Control"] = f"public, max-age={int(JWKS_MAX_AGE.total_seconds())}"
        published = [each for each in installations(request.app).values() if each.publishes_keys]
        sets = [each.auth.keyring.to_public_jwks() for each in published]
        # Two audiences may share one keyring.
        keys = {key["kid"]: key for each in sets for key in each["keys"]}
        return {"keys": list(keys.values())}
