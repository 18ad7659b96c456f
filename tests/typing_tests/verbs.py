"""What each verb of `Auth` returns."""

from datetime import timedelta
from typing import Any, assert_type
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from tokenpair import (
    AccessClaims,
    AccountExport,
    Auth,
    Counts,
    Device,
    Edge,
    Health,
    IssuedAccessToken,
    Key,
    Keyring,
    Lifetimes,
    MailPurpose,
    Message,
    PasswordPolicy,
    RefreshClaims,
    Rules,
    Session,
    Settings,
    TokenPair,
    User,
    Windows,
)
from tokenpair.events import HookedEvent, ProfileChanged, SessionEnded, SignedUp
from tokenpair.ports import UnitOfWork
from tokenpair.stores.memory import MemoryStorage
from tokenpair.stores.sql import SqlStorage
from tokenpair.testing import read_mail_token, read_mails


def from_parts(url: str | None) -> Auth:
    return Auth(
        storage=SqlStorage.from_url(url) if url else MemoryStorage(),
        keyring=Keyring([Key.generate()]),
        issuer="https://books.example.com",
        audience="https://books.example.com",
        rules=Rules(
            policy=PasswordPolicy(min_length=12),
            lifetimes=Lifetimes(access=timedelta(minutes=5)),
            windows=Windows(strict=True),
        ),
        edge=Edge(trusted_proxy_hops=1),
    )


def from_settings() -> Auth:
    settings = Settings.read(base_url="https://books.example.com")
    assert_type(settings, Settings)
    assert_type(settings.access_seconds, int)
    assert_type(settings.lifetimes, Lifetimes)
    return Auth.from_settings(settings)


async def people(auth: Auth, user_id: UUID) -> None:
    assert_type(await auth.sign_up(email="ada@example.com", password="x"), User[dict[str, Any]])
    assert_type(await auth.get_user(user_id), User[dict[str, Any]])
    assert_type(await auth.export(user_id), AccountExport)
    assert_type(await auth.update_profile(user_id, {"nickname": "Ada"}), User[dict[str, Any]])
    claims = await auth.verify_access("x")
    assert_type(await auth.update_own_profile(claims, {"nickname": "Ada"}), User[dict[str, Any]])
    await auth.set_roles(user_id, frozenset({"admin"}))
    await auth.invite(email="ada@example.com", roles=frozenset({"admin"}))
    assert_type(await auth.accept_invitation(token="x", password="x"), User[dict[str, Any]])
    await auth.mark_verified(user_id)
    await auth.set_password(user_id, "x")
    await auth.disable(user_id)
    await auth.enable(user_id)
    imported = await auth.import_account(
        email="bob@example.com", password_hash="x", user_id=user_id, is_verified=True
    )
    assert_type(imported, User[dict[str, Any]])


async def mails(auth: Auth, user_id: UUID, token: str, device: Device) -> None:
    await auth.request_verification(user_id)
    await auth.verify_email(token, device=device)
    await auth.forgot_password(email="ada@example.com", device=device)
    await auth.reset_password(token=token, new_password="x", device=device)
    assert_type(await read_mail_token(auth, MailPurpose.VERIFY_EMAIL), str)
    assert_type(await read_mails(auth), list[Message])


async def sessions(auth: Auth, user_id: UUID, device: Device) -> None:
    pair = await auth.log_in(email="ada@example.com", password="x", device=device)
    assert_type(pair, TokenPair)
    assert_type(pair.access_token, str)
    assert_type(pair.expires_in, timedelta)
    assert_type(await auth.renew(pair.refresh_token), TokenPair)
    assert_type(await auth.list_sessions(user_id), list[Session])
    for session in await auth.list_sessions(user_id):
        await auth.end_session(user_id, session.id)
    claims = await auth.verify_access(pair.access_token)
    issued = await auth.reauthenticate(claims, "x", device=device)
    assert_type(issued, IssuedAccessToken)
    assert_type(issued.access_token, str)
    assert_type(issued.expires_in, timedelta)
    await auth.log_out(pair.access_token)
    assert_type(await auth.log_out_everywhere(user_id), int)
    assert_type(await auth.log_out_elsewhere(user_id, keep=claims.session_id), int)


async def tokens(auth: Auth, token: str) -> None:
    assert_type(await auth.verify(token), AccessClaims | RefreshClaims)
    assert_type(await auth.verify_refresh(token), RefreshClaims)
    claims = await auth.verify_access(token, check_session=True)
    assert_type(claims, AccessClaims)
    assert_type(claims.subject, UUID)
    assert_type(claims.roles, frozenset[str])
    claims.check(auth.clock())
    auth.feed.require_unrevoked(claims)


async def operation(auth: Auth) -> None:
    async with auth as opened:
        assert_type(opened, Auth)
        await opened.require_ready()
    assert_type(await auth.health(), Health)
    assert_type(auth.counts, Counts)
    assert_type(await auth.prune(), int)


def hooks(auth: Auth) -> None:
    @auth.within(SignedUp)
    async def own_row(event: SignedUp, tx: UnitOfWork) -> None:
        assert_type(event.user, User[dict[str, Any]])
        assert_type(tx.connection, AsyncConnection | None)
        await tx.users.set_roles(event.user.id, frozenset({"admin"}))

    @auth.after(SessionEnded)
    async def tell(event: SessionEnded) -> None:
        assert_type(event.session_id, UUID)

    @auth.within(ProfileChanged)
    @auth.within(HookedEvent)
    async def several(event: HookedEvent, tx: UnitOfWork) -> None: ...
