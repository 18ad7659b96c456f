"""Annotations for the parameters of endpoints. They use the `Auth` that was installed first."""

from collections.abc import Awaitable, Callable
from typing import Annotated, TypeVar

from fastapi import Depends, Security
from starlette.requests import HTTPConnection

from tokenpair.auth import Auth
from tokenpair.core.accounts.user import User
from tokenpair.core.sessions.client import Device
from tokenpair.core.tokens.claims import AccessClaims, RefreshClaims
from tokenpair.fastapi.bearer import AccessTokenBearer, RefreshTokenBearer, get_auth
from tokenpair.fastapi.device import device_of
from tokenpair.fastapi.optional import OptionalBearer
from tokenpair.fastapi.profile import Profile, Profiles
from tokenpair.fastapi.registry import installations

access_token: AccessTokenBearer = AccessTokenBearer()
"""The dependency of `AccessToken`; in tests: `app.dependency_overrides[access_token]`."""

AccessToken = Annotated[AccessClaims, Security(access_token)]
"""The verified claims of the request's access token."""

optional_access_token: OptionalBearer = OptionalBearer(AccessTokenBearer())
"""The dependency of `OptionalAccessToken`; in tests as `access_token`."""

OptionalAccessToken = Annotated[AccessClaims | None, Security(optional_access_token)]
"""The verified claims of the request's access token, or None without one; a bad one is a 401."""

RefreshToken = Annotated[RefreshClaims, Security(RefreshTokenBearer())]
"""The verified claims of the request's refresh token."""


async def _auth(request: HTTPConnection) -> Auth:
    return get_auth(request)


AuthDep = Annotated[Auth, Depends(_auth)]
"""The `Auth` itself."""


async def request_device(request: HTTPConnection, auth: AuthDep) -> Device:
    """Return the user agent and the client's address, as `TOKENPAIR_TRUSTED_PROXY_HOPS` says."""
    return device_of(request, proxy_hops=auth.edge.trusted_proxy_hops)


RequestDevice = Annotated[Device, Depends(request_device)]
"""The device of the request, for the `device` of the verbs of `Auth`: limits count by it."""


async def current_user(request: HTTPConnection, token: AccessToken, auth: AuthDep) -> User:
    """Read the account of the request's access token.

    Its profile has the fields of the class that was passed to `install`, if the account has them or
    they have a default. Without such a class, the profile is as it is stored.
    """
    user = await auth.get_user(token.subject)
    profiles = _profiles(request)
    if not profiles.wire_names:
        return user
    return user.with_profile(profiles.by_names(profiles.read(user.profile)))


CurrentUser = Annotated[User, Depends(current_user)]
"""The account of the request's access token, read from the storage."""

P = TypeVar("P", bound=Profile)


def current_user_with(profile: type[P]) -> Callable[..., Awaitable[User[P]]]:
    """Return a dependency like `current_user`, with the profile as an instance of the app's class.

    Write ``CurrentReader = Annotated[User[Reader], Depends(current_user_with(Reader))]``. If an
    account has no value for a field without a default, that attribute is missing. Raises
    `ConfigurationError` for a class that `install` would refuse.
    """
    profiles = Profiles(profile)

    async def user_with_profile(user: CurrentUser) -> User[P]:
        return user.with_profile(profiles.read(user.profile))

    return user_with_profile


def _profiles(request: HTTPConnection) -> Profiles[Profile]:
    """Return the profiles of the `Auth` that was installed first."""
    return next(iter(installations(request.scope["app"]).values())).profiles
