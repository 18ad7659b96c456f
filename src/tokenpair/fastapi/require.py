"""Bearers that require more of the user: a verified address, or a recent log-in.

One line protects a router::

    router = APIRouter(dependencies=[Depends(RequireVerified())])
"""

from datetime import timedelta
from typing import Annotated

from fastapi import Security
from starlette.requests import HTTPConnection

from tokenpair.auth import Auth
from tokenpair.core.tokens.claims import RECENT_LOGIN, AccessClaims
from tokenpair.errors import ConfigurationError
from tokenpair.fastapi.bearer import AccessTokenBearer

_SECOND = timedelta(seconds=1)


class RequireVerified(AccessTokenBearer):
    """Requires an access token of a user whose address is verified.

    The token says so. When the user verifies the address, the tokens from before are stale, so
    the client renews and holds one that says so.
    """

    def verify_token_data(self, token_data: AccessClaims) -> None:
        """Raises `EmailNotVerified`."""
        token_data.require_verified()


class RequireRecentLogin(AccessTokenBearer):
    """Requires an access token of a user who has logged in lately, by default in 5 minutes.

    The client answers the refusal by asking for the password again: see `Auth.reauthenticate`.
    """

    def __init__(
        self,
        max_age: timedelta = RECENT_LOGIN,
        auth: Auth | None = None,
        *,
        check_session: bool = False,
    ) -> None:
        """`max_age` is in whole seconds. Raises `ConfigurationError` if it is below a second."""
        super().__init__(auth, check_session=check_session)
        if max_age < _SECOND:
            raise ConfigurationError(
                "RequireRecentLogin(max_age) is below a second, and no log-in is so recent. "
                "Pass a timedelta such as timedelta(minutes=5)"
            )
        self.max_age: timedelta = max_age

    async def authenticate(self, request: HTTPConnection) -> AccessClaims:
        """Verify the request's access token. Also raises `ReauthenticationRequired`."""
        claims = await super().authenticate(request)
        claims.require_recent_login(self.auth_of(request).clock(), self.max_age)
        return claims


verified_email: RequireVerified = RequireVerified()
"""The dependency of `VerifiedEmail`; in tests: `app.dependency_overrides[verified_email]`."""

VerifiedEmail = Annotated[AccessClaims, Security(verified_email)]
"""The claims of the request's access token, of a user whose address is verified."""

recent_login: RequireRecentLogin = RequireRecentLogin()
"""The dependency of `RecentLogin`; in tests as `verified_email`."""

RecentLogin = Annotated[AccessClaims, Security(recent_login)]
"""The claims of the request's access token, of a user who has logged in in the last 5 minutes."""
