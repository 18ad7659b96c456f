"""The payload of a token, as a dictionary."""

import json
from typing import Any

from tokenpair import AccessClaims
from tokenpair.core.tokens.claims import FullRefreshClaims


def payload_of(claims: AccessClaims | FullRefreshClaims) -> dict[str, Any]:
    """Return the claims as a JWT payload, without "iss", "aud" and "client_id"."""
    payload: dict[str, Any] = json.loads(f"{{{claims.to_json()}}}")
    return payload


def whole_payload(
    claims: AccessClaims | FullRefreshClaims, *, issuer: str, audience: str
) -> dict[str, Any]:
    """Return all claims of a token of ours."""
    common = {"iss": issuer, "aud": audience} | payload_of(claims)
    return common | ({"client_id": audience} if isinstance(claims, AccessClaims) else {})
