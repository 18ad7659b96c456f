"""How OpenAPI describes the endpoints that the cookie can authenticate."""

from typing import Any

from fastapi import Security
from fastapi.openapi.models import APIKey, APIKeyIn
from fastapi.params import Depends
from fastapi.security.base import SecurityBase
from pydantic import Field

from tokenpair.errors import AuthError
from tokenpair.fastapi.problems.errors import CrossSite, InvalidRequest
from tokenpair.fastapi.transport.choice import Transports
from tokenpair.fastapi.transport.cookie import NAME
from tokenpair.fastapi.transport.header import Pair
from tokenpair.fastapi.transport.same_origin import MARK

SCHEME = "RefreshTokenCookie"

_ASKED = "`cookie` asks for the refresh token in a cookie; the body then has no `refresh_token`."
_MARKED = "Any value; required with the cookie. A page of another site cannot send it."


def _without_default(schema: dict[str, Any]) -> None:
    del schema["default"]


class PairOrCookie(Pair):
    """An access token and a refresh token; times in seconds.

    Store both: the refresh token may be the one that was presented, or a new one. In cookie mode,
    the refresh token is in the cookie only.
    """

    # Optional in OpenAPI. The model only describes, so the default is never used.
    refresh_token: str = Field("", repr=False, json_schema_extra=_without_default)


class DescribedCookie(SecurityBase):
    """Describes the cookie of one `Auth` in OpenAPI. It does nothing else."""

    def __init__(self, name: str) -> None:
        self.scheme_name: str = SCHEME if name == NAME else f"{SCHEME}.{name}"
        self.model: APIKey = APIKey.model_validate(
            {
                "in": APIKeyIn.cookie,
                "name": name,
                "description": f"The refresh token of a page, with the header `{MARK}`.",
            }
        )

    async def __call__(self) -> None:
        """Do nothing."""


def pair_model(transports: Transports) -> type[Pair]:
    """Return the model of the body with a pair."""
    return PairOrCookie if transports.cookie else Pair


def by_cookie(transports: Transports) -> list[Depends]:
    """Return the dependency that describes the cookie."""
    return [Security(DescribedCookie(transports.cookie.name))] if transports.cookie else []


def log_in_errors(transports: Transports) -> tuple[type[AuthError], ...]:
    """Return the errors that the cookie adds to a log-in."""
    return (CrossSite,) if transports.cookie else ()


def cookie_errors(transports: Transports) -> tuple[type[AuthError], ...]:
    """Return the errors that the cookie adds to a renewal and a log-out."""
    return (InvalidRequest, CrossSite) if transports.cookie else ()


def asking(transports: Transports) -> dict[str, Any]:
    """Return the `openapi_extra` of a log-in."""
    return _parameter(transports, _ASKED)


def marked(transports: Transports) -> dict[str, Any]:
    """Return the `openapi_extra` of an endpoint that the cookie can authenticate."""
    return _parameter(transports, _MARKED)


def _parameter(transports: Transports, description: str) -> dict[str, Any]:
    if transports.cookie is None:
        return {}
    parameter = {
        "name": MARK,
        "in": "header",
        "required": False,
        "description": description,
        "schema": {"type": "string"},
    }
    return {"parameters": [parameter]}
