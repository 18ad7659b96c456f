"""The public keys (RFC 7517 §5), for anyone to verify access tokens by."""

from typing import Any

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse

from tokenpair.fastapi.deps import AuthDep
from tokenpair.fastapi.route import ProblemRoute

# A verifier may keep the keys this long.
MAX_AGE_SECONDS = 300

router = APIRouter(route_class=ProblemRoute, tags=["keys"])


class JwkSetResponse(JSONResponse):
    """A JWK set (RFC 7517 §8.5.2)."""

    media_type = "application/jwk-set+json"


@router.get("/.well-known/jwks.json", summary="See the public keys", response_class=JwkSetResponse)
async def jwks(response: Response, auth: AuthDep) -> dict[str, Any]:
    """See the public keys."""
    response.headers["Cache-Control"] = f"public, max-age={MAX_AGE_SECONDS}"
    return auth.keyring.to_jwks(private=False)
