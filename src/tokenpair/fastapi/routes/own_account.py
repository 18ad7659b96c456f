"""The endpoints with which users delete their account, and get a copy of what it holds."""

from datetime import datetime
from typing import Annotated, Any, ClassVar, Self

from fastapi import Request, Response, Security
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from tokenpair.auth import Auth
from tokenpair.core.accounts.export import AccountExport
from tokenpair.core.tokens.claims import AccessClaims
from tokenpair.errors import (
    NotFound,
    ReauthenticationRequired,
    SessionEnded,
    TooManyRequests,
    WrongPassword,
)
from tokenpair.fastapi.bearer import AccessTokenBearer
from tokenpair.fastapi.device import device_of
from tokenpair.fastapi.endpoints import Endpoints
from tokenpair.fastapi.problems.described import ACCESS_ERRORS, BODY_ERRORS, problem_responses
from tokenpair.fastapi.require import RequireRecentLogin
from tokenpair.fastapi.routes.credentials import Password


class Deletion(BaseModel):
    """The password of the account that is to be deleted."""

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    password: Password


class ExportInfo(BaseModel):
    """What is stored about a user, without secrets and without a change of address that waits."""

    exported_at: datetime
    contents: dict[str, list[str]] = Field(
        description="The tables and columns that `data` has, also those without a row.",
        examples=[{"tokenpair_user": ["id", "email"]}],
    )
    data: dict[str, list[dict[str, Any]]] = Field(
        description="The rows of each table.",
        examples=[{"tokenpair_user": [{"id": "…", "email": "ada@example.com"}]}],
    )

    @classmethod
    def of(cls, export: AccountExport) -> Self:
        """Return the body for an export."""
        return cls(
            exported_at=export.exported_at,
            contents={table: list(columns) for table, columns in export.contents.items()},
            data=dict(export.data),
        )


def add_own_account(endpoints: Endpoints, auth: Auth) -> None:
    """Add the endpoints of one `Auth`."""
    tags = ["account"]
    AccessToken = Annotated[AccessClaims, Security(AccessTokenBearer(auth))]  # noqa: N806  A type.
    # With the session's row: a worker learns of a log-out a moment after it.
    RecentLogin = Annotated[  # noqa: N806  A type.
        AccessClaims, Security(RequireRecentLogin(auth=auth, check_session=True))
    ]

    @endpoints.add(
        "me.delete",
        tags=tags,
        summary="Delete your account",
        status_code=204,
        response_class=Response,
        responses=problem_responses(
            *ACCESS_ERRORS,
            *BODY_ERRORS,
            ReauthenticationRequired,
            WrongPassword,
            TooManyRequests,
        ),
    )
    async def delete_me(token: AccessToken, request: Request, body: Deletion | None = None) -> None:
        """Delete your account, with everything that belongs to it.

        Send your password, or no body within 5 minutes of a log-in.
        """
        device = device_of(request, proxy_hops=auth.edge.trusted_proxy_hops)
        await auth.delete_own_account(token, body.password if body else None, device=device)

    @endpoints.add(
        "me.export",
        tags=tags,
        summary="Get a copy of your data",
        response_model=ExportInfo,
        responses=problem_responses(*ACCESS_ERRORS, ReauthenticationRequired),
    )
    async def export_me(token: RecentLogin) -> Response:
        """Get what is stored about you, without secrets, within 5 minutes of a log-in."""
        try:
            export = await auth.export(token.subject)
        except NotFound as exc:
            raise SessionEnded("the user was deleted") from exc
        return JSONResponse(ExportInfo.of(export).model_dump(mode="json"))
