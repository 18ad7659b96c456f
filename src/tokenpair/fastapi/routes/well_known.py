"""The public keys (RFC 7517 §5), for anyone to verify access tokens by."""

from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from tokenpair.core.rotation import JWKS_MAX_AGE
from tokenpair.fastapi.bearer import installed
from tokenpair.fastapi.route import ProblemRoute

PATH = "/.well-known/jwks.json"

router = APIRouter(route_class=ProblemRoute, tags=["keys"])


class JwkSetResponse(JSONResponse):
    """A JWK set (RFC 7517 §8.5.2)."""

    media_type = "application/jwk-set+json"


@router.get(PATH, summary="See the public keys", response_class=JwkSetResponse)
async def jwks(request: Request, response: Response) -> dict[str, Any]:
    """See the public keys, of every issuer in this app."""
    response.headers["Cache-Control"] = f"public, max-age={int(JWKS_MAX_AGE.total_seconds())}"
    sets = [auth.keyring.to_public_jwks() for auth in installed(request.app).values()]
    # Two audiences may share one keyring.
    keys = {key["kid"]: key for each in sets for key in each["keys"]}
    return {"keys": list(keys.values())}
