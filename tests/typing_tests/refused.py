"""Mistakes that a type checker must find: without its error, each `ignore` is itself one."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends

from tokenpair import AccessClaims, Auth, RefreshClaims, TokenPair, User
from tokenpair.events import SessionEnded, SignedUp
from tokenpair.fastapi import (
    AccessToken,
    AccessTokenBearer,
    OptionalAccessToken,
    OptionalBearer,
    Profile,
    RefreshTokenBearer,
    RequireRecentLogin,
    current_user_with,
)
from tokenpair.ports import PasswordHasher, UnitOfWork
from tokenpair.stores.memory import MemoryStorage


class Reader(Profile):
    nickname: str = ""


class WrongKind(AccessTokenBearer):
    # A hook gets the claims of its bearer's kind.
    def verify_token_data(self, token_data: RefreshClaims) -> None: ...  # type: ignore[override]


class Verdict(RefreshTokenBearer):
    # A hook raises; a verdict that it returns would be ignored.
    def verify_token_data(self, token_data: RefreshClaims) -> bool:  # type: ignore[override]
        return token_data.generation == 0


async def wrong_arguments(auth: Auth, user: User, user_id: UUID) -> None:
    await auth.log_in("ada@example.com", "secret")  # type: ignore[call-arg]
    await auth.get_user(str(user_id))  # type: ignore[arg-type]
    await auth.set_roles(user_id, "admin")  # type: ignore[arg-type]
    await auth.renew(await auth.log_in(email="", password=""))  # type: ignore[arg-type]
    user.roles = frozenset({"admin"})  # type: ignore[misc]


def not_awaited(auth: Auth) -> TokenPair:
    return auth.renew("token")  # type: ignore[return-value]


def might_be_none(token: OptionalAccessToken) -> frozenset[str]:
    return token.roles  # type: ignore[union-attr]


def kinds_differ(access: AccessToken) -> RefreshClaims:
    return access  # type: ignore[return-value]


def no_secrets(user: User, claims: AccessClaims) -> tuple[str, str]:
    return user.password_hash, claims.secret  # type: ignore[attr-defined]


def hooks(auth: Auth) -> None:
    @auth.within(SessionEnded)  # type: ignore[type-var]  # An ending cannot be refused.
    async def ending(event: SessionEnded, tx: UnitOfWork) -> None: ...

    @auth.after(SignedUp)  # type: ignore[arg-type]
    async def other_event(event: SessionEnded) -> None: ...

    @auth.after(SignedUp)  # type: ignore[arg-type]
    def not_async(event: SignedUp) -> None: ...


recent = RequireRecentLogin(300)  # type: ignore[arg-type]
optional = OptionalBearer(RefreshTokenBearer())  # type: ignore[arg-type]
storage: PasswordHasher = MemoryStorage()  # type: ignore[assignment]
auth = Auth(storage=MemoryStorage(), issuer="https://a.test")  # type: ignore[call-arg]


async def a_fields_type(
    user: Annotated[User[Reader], Depends(current_user_with(Reader))],
) -> int:
    return user.profile.nickname  # type: ignore[return-value]
