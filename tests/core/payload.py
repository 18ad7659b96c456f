"""What a token says, as a dictionary."""

import json
from typing import Any

from tokenpair import AccessClaims
from tokenpair.core.claims import FullRefreshClaims


def payload_of(claims: AccessClaims | FullRefreshClaims) -> dict[str, Any]:
    """Give the claims as a JWT payload, without "iss" and "aud"."""
    payload: dict[str, Any] = json.loads(f"{{{claims.to_json()}}}")
    return payload
