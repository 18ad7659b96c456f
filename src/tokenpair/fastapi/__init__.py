"""tokenpair for FastAPI: `install` it, and ask for an `AccessToken` where one is needed."""

from tokenpair.fastapi.bearer import (
    AccessTokenBearer,
    RefreshTokenBearer,
    RoleChecker,
    TokenBearer,
    get_auth,
)
from tokenpair.fastapi.browser import browser_client
from tokenpair.fastapi.deps import (
    AccessToken,
    AuthDep,
    CurrentUser,
    OptionalAccessToken,
    RefreshToken,
    RequestDevice,
    access_token,
    current_user,
    current_user_with,
    optional_access_token,
    request_device,
)
from tokenpair.fastapi.install import install
from tokenpair.fastapi.middleware import AccessTokenMiddleware, claims_of
from tokenpair.fastapi.optional import OptionalBearer
from tokenpair.fastapi.problems.described import (
    ACCESS_ERRORS,
    BODY_ERRORS,
    PUBLIC,
    problem_responses,
)
from tokenpair.fastapi.problems.errors import CrossSite, InvalidRequest, PayloadTooLarge
from tokenpair.fastapi.profile import Profile
from tokenpair.fastapi.require import (
    RecentLogin,
    RequireRecentLogin,
    RequireVerified,
    VerifiedEmail,
    recent_login,
    verified_email,
)
from tokenpair.fastapi.route import ProblemRoute
from tokenpair.fastapi.text import Text, WrongValue

__all__ = [
    "ACCESS_ERRORS",
    "BODY_ERRORS",
    "PUBLIC",
    "AccessToken",
    "AccessTokenBearer",
    "AccessTokenMiddleware",
    "AuthDep",
    "CrossSite",
    "CurrentUser",
    "InvalidRequest",
    "OptionalAccessToken",
    "OptionalBearer",
    "PayloadTooLarge",
    "ProblemRoute",
    "Profile",
    "RecentLogin",
    "RefreshToken",
    "RefreshTokenBearer",
    "RequestDevice",
    "RequireRecentLogin",
    "RequireVerified",
    "RoleChecker",
    "Text",
    "TokenBearer",
    "VerifiedEmail",
    "WrongValue",
    "access_token",
    "browser_client",
    "claims_of",
    "current_user",
    "current_user_with",
    "get_auth",
    "install",
    "optional_access_token",
    "problem_responses",
    "recent_login",
    "request_device",
    "verified_email",
]
