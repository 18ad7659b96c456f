"""What an endpoint may ask for, as annotations."""

from collections.abc import Iterable
from typing import Annotated

from fastapi import Depends, Request, Security

from tokenpair.auth import Auth
from tokenpair.core.claims import AccessClaims, RefreshClaims
from tokenpair.core.user import User
from tokenpair.errors import InsufficientRole
from tokenpair.fastapi.bearer import (
    AccessTokenBearer,
    RefreshTokenBearer,
    UnverifiedBearer,
    get_auth,
)
from tokenpair.fastapi.device import device_of
from tokenpair.flows.log_in import Device

AccessToken = Annotated[AccessClaims, Security(AccessTokenBearer())]
"""The verified claims of the request's access token."""

RefreshToken = Annotated[RefreshClaims, Security(RefreshTokenBearer())]
"""The verified claims of the request's refresh token."""

UnverifiedAccessToken = Annotated[str, Security(UnverifiedBearer(AccessTokenBearer))]
UnverifiedRefreshToken = Annotated[str, Security(UnverifiedBearer(RefreshTokenBearer))]


async def _auth(request: Request) -> Auth:
    return get_auth(request)


AuthDep = Annotated[Auth, Depends(_auth)]
"""The `Auth` that `install` has put on the app."""


async def current_user(token: AccessToken, auth: AuthDep) -> User:
    """Read the account of the request's access token."""
    return await auth.get_user(token.subject)


CurrentUser = Annotated[User, Depends(current_user)]
"""The account of the request's access token, read from the storage."""


async def _device(request: Request, auth: AuthDep) -> Device:
    return device_of(request, proxy_hops=auth.trusted_proxy_hops)


RequestDevice = Annotated[Device, Depends(_device)]


class RoleChecker:
    """Wants an access token with at least one of the roles: `Depends(RoleChecker("admin"))`.

    Gives the token's claims. Raises `InsufficientRole`.
    """

    def __init__(self, roles: str | Iterable[str]) -> None:
        self.roles = frozenset({roles} if isinstance(roles, str) else roles)

    async def __call__(self, token: AccessToken) -> AccessClaims:
        """Compare the roles."""
        if self.roles.isdisjoint(token.roles):
            raise InsufficientRole
        return token
