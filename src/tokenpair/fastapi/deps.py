"""What an endpoint may ask for, as annotations. All speak of the `Auth` installed first."""

from typing import Annotated

from fastapi import Depends, Security
from starlette.requests import HTTPConnection

from tokenpair.auth import Auth
from tokenpair.core.claims import AccessClaims, RefreshClaims
from tokenpair.core.user import User
from tokenpair.fastapi.bearer import AccessTokenBearer, RefreshTokenBearer, get_auth
from tokenpair.fastapi.optional import OptionalBearer

access_token = AccessTokenBearer()
"""The dependency of `AccessToken`; in tests: `app.dependency_overrides[access_token]`."""

AccessToken = Annotated[AccessClaims, Security(access_token)]
"""The verified claims of the request's access token."""

optional_access_token = OptionalBearer(AccessTokenBearer())
"""The dependency of `OptionalAccessToken`, for tests as `access_token`."""

OptionalAccessToken = Annotated[AccessClaims | None, Security(optional_access_token)]
"""The verified claims of the request's access token, or None without one; a bad one is a 401."""

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
