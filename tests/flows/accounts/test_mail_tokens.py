"""What a token from a mail changes, what it no longer can, and what stands in the outbox."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from tests.flows.accounts.conftest import watched
from tokenpair import Auth, EmailAddress, MailPurpose, User
from tokenpair.core.accounts.events import EmailVerified, PasswordChange, PasswordChanged
from tokenpair.core.accounts.user import StoredUser
from tokenpair.core.events import Event, SessionEnded
from tokenpair.core.mail import OutboxMail, new_mail
from tokenpair.core.one_time import Purpose, new_token
from tokenpair.core.sessions.rule import EndReason
from tokenpair.errors import InvalidCredentials, InvalidInput, MailTokenInvalid
from tokenpair.ids import uuid7
from tokenpair.ports import Storage
from tokenpair.testing import (
    PASSWORD,
    FakeClock,
    a_user,
    login_as,
    make_auth,
    read_mail_token,
    read_mails,
)
from tokenpair.testing.store_contract import make_user

VERIFY, RESET = MailPurpose.VERIFY_EMAIL, MailPurpose.RESET_PASSWORD
CHANGE = MailPurpose.CHANGE_EMAIL
NEW = "nine green umbrellas sail"


async def forgotten(auth: Auth) -> str:
    await auth.forgot_password(email="ada@example.com")
    return await read_mail_token(auth, RESET)


async def set_email(auth: Auth, user: User, address: str) -> None:
    async with auth.storage.begin() as tx:
        await tx.users.set_email(user.id, EmailAddress.parse(address), verified_at=None)


async def stored(storage: Storage, user: User) -> StoredUser | None:
    async with storage.begin() as tx:
        return await tx.users.lock(user.id)


async def test_a_verified_address_is_an_event(auth: Auth, ada: User) -> None:
    await auth.request_verification(ada.id)
    token = await read_mail_token(auth, VERIFY)
    told: list[Event] = []

    await watched(auth.verify_email, told)(token)

    assert told == [EmailVerified(user_id=ada.id, version=ada.version + 1)]


async def test_a_mail_that_waits_while_the_address_is_replaced_is_not_sent(
    auth: Auth, ada: User, clock: FakeClock
) -> None:
    """A2."""
    await read_mails(auth)
    due = clock() + timedelta(minutes=1)
    async with auth.storage.begin() as tx:
        await tx.outbox.add(new_mail(VERIFY, ada.id, ada.email.typed, due, uuid7()))
    await set_email(auth, ada, "eve@example.com")
    clock.advance(minutes=1)

    assert await read_mails(auth) == []


async def test_a_reset_is_an_event_and_so_is_all_that_follows(auth: Auth, ada: User) -> None:
    """A4: the sessions that an attacker has opened end, and the address counts as verified."""
    for _ in range(2):
        await login_as(auth, ada)
    sessions = [each.id for each in await auth.list_sessions(ada.id)]
    token = await forgotten(auth)
    told: list[Event] = []

    await watched(auth.reset_password, told)(token=token, new_password=NEW)

    reason = EndReason.PASSWORD_CHANGED
    ended = {SessionEnded(user_id=ada.id, session_id=each, reason=reason) for each in sessions}
    assert len(told) == 4
    assert set(told) == ended | {
        EmailVerified(user_id=ada.id, version=ada.version + 1),
        PasswordChanged(user_id=ada.id, reason=PasswordChange.RESET),
    }


Cause = Callable[[Auth, User], Awaitable[str]]


async def older_than_a_used_one(auth: Auth, _: User) -> str:
    older, newer = await forgotten(auth), await forgotten(auth)
    await auth.reset_password(token=newer, new_password="the first new password 1")
    return older


async def of_a_replaced_address(auth: Auth, ada: User) -> str:
    token = await forgotten(auth)
    await set_email(auth, ada, "eve@example.com")
    return token


async def of_a_disabled_user(auth: Auth, ada: User) -> str:
    token = await forgotten(auth)
    await auth.disable(ada.id)
    return token


async def of_a_deleted_user(auth: Auth, ada: User) -> str:
    token = await forgotten(auth)
    await auth.delete(ada.id)
    return token


@pytest.mark.parametrize(
    "cause",
    [older_than_a_used_one, of_a_replaced_address, of_a_disabled_user, of_a_deleted_user],
    ids=lambda cause: cause.__name__,
)
async def test_an_outdated_token_changes_nothing(
    auth: Auth, storage: Storage, ada: User, cause: Cause
) -> None:
    """A2, A7."""
    token = await cause(auth, ada)
    before = await stored(storage, ada)

    with pytest.raises(MailTokenInvalid):
        await auth.reset_password(token=token, new_password=NEW)

    assert await stored(storage, ada) == before


@pytest.mark.parametrize("purpose", [VERIFY, RESET, CHANGE], ids=lambda each: each.value)
async def test_a_token_that_is_refused_is_not_used_up(
    auth: Auth, ada: User, purpose: MailPurpose
) -> None:
    await auth.request_verification(ada.id)
    await auth.forgot_password(email="ada@example.com")
    await auth.change_email(ada.id, password=PASSWORD, new_email="countess@example.com")
    mails = await read_mails(auth)
    (link,) = [each.link for each in mails if each.purpose is purpose]
    flows: dict[MailPurpose, Callable[[str], Awaitable[None]]] = {
        VERIFY: auth.verify_email,
        RESET: lambda token: auth.reset_password(token=token, new_password=NEW),
        CHANGE: auth.confirm_email_change,
    }
    follow = flows[purpose]
    token = str(link).partition("#token=")[2]
    await auth.disable(ada.id)
    with pytest.raises(MailTokenInvalid):
        await follow(token)
    await auth.enable(ada.id)

    await follow(token)

    with pytest.raises(MailTokenInvalid):
        await follow(token)


async def test_a_change_of_address_from_before_a_reset_is_void(
    auth: Auth, storage: Storage, ada: User, clock: FakeClock
) -> None:
    """A5."""
    data = {"credential_version": 0}
    _, change = new_token(
        Purpose.CHANGE_EMAIL, ada.id, "eve@example.com", clock(), bytes, data=data
    )
    token = await forgotten(auth)
    async with storage.begin() as tx:
        await tx.one_time.put(change)

    await auth.reset_password(token=token, new_password=NEW)

    async with storage.reading() as look:
        key = (ada.id, Purpose.CHANGE_EMAIL, change.token_hash)
        assert await look.one_time.find(*key, clock()) is None


async def test_an_account_without_a_password_gets_one(auth: Auth, storage: Storage) -> None:
    """A15: until then no password opens it, and an empty one never does."""
    user = make_user("ada@example.com", id=uuid7())
    async with storage.begin() as tx:
        await tx.users.add(StoredUser(user=user, password_hash=None))
    for password in ("", " "):
        with pytest.raises(InvalidCredentials):
            await auth.log_in(email="ada@example.com", password=password)
    token = await forgotten(auth)
    for password in ("", " " * 12):
        with pytest.raises(InvalidInput):
            await auth.reset_password(token=token, new_password=password)

    await auth.reset_password(token=token, new_password=NEW)

    assert await auth.log_in(email="ada@example.com", password=NEW)


class TestRows:
    """What stands in the outbox; in memory, where an `Auth` works without being open."""

    async def waiting(self, auth: Auth) -> list[OutboxMail]:
        mails, now = [], auth.clock()
        async with auth.storage.begin() as tx:
            for key in await tx.outbox.due(now, limit=100):
                mail = await tx.outbox.claim(*key, now=now, until=now + timedelta(minutes=1))
                assert mail
                mails.append(mail)
        return mails

    async def test_every_account_and_none_leave_one_row(self) -> None:
        """A11: for an unknown, an unverified, a verified and a disabled account."""
        auth = make_auth()
        verified = await a_user(auth, "verified@example.com")
        await auth.verify_email(await read_mail_token(auth, VERIFY))
        disabled = await a_user(auth, "disabled@example.com")
        await auth.disable(disabled.id)
        unverified = await a_user(auth, "unverified@example.com")
        await self.waiting(auth)

        rows = []
        for name in ("verified", "unverified", "disabled", "unknown"):
            await auth.forgot_password(email=f"{name}@example.com")
            rows += await self.waiting(auth)

        assert [each.purpose for each in rows] == [RESET] * 4
        assert [each.user_id for each in rows[:2]] == [verified.id, unverified.id]
        assert len({each.user_id for each in rows}) == 4

    async def test_a_verified_user_leaves_no_row(self) -> None:
        auth = make_auth()
        user = await a_user(auth)
        await auth.verify_email(await read_mail_token(auth, VERIFY))

        await auth.request_verification(user.id)

        assert await self.waiting(auth) == []

    async def test_no_row_holds_a_token(self) -> None:
        """V6: a reader of the database can take no account over."""
        auth = make_auth()
        user = await a_user(auth)
        await auth.request_verification(user.id)
        await auth.forgot_password(email=user.email.typed)

        rows = await self.waiting(auth)

        assert [each.data for each in rows] == [{}, {}, {"credential_version": 0}]
        assert {each.address for each in rows} == {user.email.typed}
