"""An app as its author writes it: bearers, annotations, a profile, endpoints."""

from datetime import timedelta
from typing import Annotated, assert_type

from fastapi import APIRouter, Depends, FastAPI

from tokenpair import AccessClaims, Auth, Claims, Device, RefreshClaims, TokenPair, User
from tokenpair.errors import InsufficientRole
from tokenpair.fastapi import (
    AccessToken,
    AccessTokenBearer,
    AccessTokenMiddleware,
    AuthDep,
    CurrentUser,
    OptionalAccessToken,
    OptionalBearer,
    ProblemRoute,
    Profile,
    RecentLogin,
    RefreshToken,
    RefreshTokenBearer,
    RequestDevice,
    RequireRecentLogin,
    RequireVerified,
    RoleChecker,
    Text,
    TokenBearer,
    VerifiedEmail,
    WrongValue,
    browser_client,
    current_user_with,
    install,
    problem_responses,
)


class Reader(Profile):
    nickname: Text | None = None


class AdminBearer(AccessTokenBearer):
    def verify_token_data(self, token_data: AccessClaims) -> None:
        if "admin" not in token_data.roles:
            raise InsufficientRole


class FirstRefreshBearer(RefreshTokenBearer):
    def verify_token_data(self, token_data: RefreshClaims) -> None:
        if token_data.generation:
            raise InsufficientRole


class EitherBearer(TokenBearer):
    def verify_token_data(self, token_data: Claims) -> None:
        assert_type(token_data.roles if isinstance(token_data, AccessClaims) else None, _Roles)


_Roles = frozenset[str] | None

CurrentReader = Annotated[User[Reader], Depends(current_user_with(Reader))]

app = FastAPI()
auth = Auth.from_settings()


async def captcha() -> None:
    pass


install(
    app,
    auth,
    prefix="/auth",
    profile=Reader,
    without={"signup"},
    problems=True,
    before={"login": [Depends(captcha)]},
)
app.add_middleware(AccessTokenMiddleware, public=["/js/*"])
assert_type(browser_client(app, path="/js"), str)
router = APIRouter(route_class=ProblemRoute, responses=problem_responses(InsufficientRole))


@router.get("/books")
async def books(token: AccessToken, maybe: OptionalAccessToken) -> list[str]:
    assert_type(token, AccessClaims)
    assert_type(maybe, AccessClaims | None)
    return sorted(token.roles)


@router.get("/books/admin")
async def admin(
    token: Annotated[AccessClaims, Depends(AdminBearer())],
    checked: Annotated[AccessClaims, Depends(RoleChecker("admin", check_session=True))],
    maybe: Annotated[AccessClaims | None, Depends(OptionalBearer(AdminBearer()))],
    either: Annotated[Claims, Depends(EitherBearer(auth))],
) -> bool:
    return token == checked == maybe == either


@router.get("/me")
async def me(user: CurrentUser, reader: CurrentReader) -> str:
    assert_type(reader, User[Reader])
    assert_type(reader.profile, Reader)
    assert_type(reader.profile.nickname, str | None)
    return user.email.typed


@router.post("/swap")
async def swap(token: RefreshToken, installed: AuthDep, device: RequestDevice) -> TokenPair:
    assert_type(token, RefreshClaims)
    assert_type(device, Device)
    assert_type(installed, Auth)
    raise WrongValue("must be shorter than a page")


Admin = Annotated[AccessClaims, Depends(RoleChecker("admin"))]
guarded = APIRouter(dependencies=[Depends(RequireVerified()), Depends(RequireRecentLogin())])


@guarded.post("/transfer")
async def transfer(
    verified: VerifiedEmail,
    recent: RecentLogin,
    an_admin: Admin,
    checked: Annotated[AccessClaims, Depends(RequireVerified(auth, check_session=True))],
    fresh: Annotated[AccessClaims, Depends(RequireRecentLogin(timedelta(minutes=1), auth))],
) -> bool:
    assert_type(verified, AccessClaims)
    assert_type(recent, AccessClaims)
    assert_type(verified.email_verified, bool)
    recent.require_recent_login(auth.clock(), timedelta(hours=1))
    verified.require_verified()
    return verified == recent == an_admin == checked == fresh


app.include_router(router)
app.include_router(guarded)
