"""What an endpoint may ask for, as annotations. All speak of the `Auth` installed first."""

from typing import Annotated

from fastapi import Depends, Security
from starlette.requests import HTTPConnection

from tokenpair.auth import Auth
from tokenpair.core.claims import AccessClaims, RefreshClaims
from tokenpair.core.user import User
from tokenpair.fastapi.bearer import AccessTokenBearer, RefreshTokenBearer, get_auth

AccessToken = Annotated[AccessClaims, Security(AccessTokenBearer())]
"""The verified claims of the request's access token."""

RefreshToken = Annotated[RefreshClaims, Security(RefreshTokenBearer())]
"""The verified claims of the request's refresh token."""


async def _auth(request: HTTPConnection) -> Auth:
    return get_auth(request)


AuthDep = Annotated[Auth, Depends(_auth)]
"""The `Auth` itself."""


async def current_user(token: AccessToken, auth: AuthDep) -> User:
    """Read the account of the request's access token."""
    return await auth.get_user(token.subject)


CurrentUser = Annotated[User, Depends(current_user)]
"""The account of the request's access token, read from the storage."""
