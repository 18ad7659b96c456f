"""An address changes when the new one is confirmed, and takes nothing of the old one with it."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from tests.flows.accounts.conftest import mails_of, watched
from tokenpair import AccessClaims, Auth, MailOptions, MailPurpose, Message, TokenPair, User
from tokenpair.core.accounts.events import AddressChanged, EmailVerified
from tokenpair.core.events import Event, SessionEnded
from tokenpair.core.one_time import Purpose, new_token
from tokenpair.core.sessions.rule import EndReason
from tokenpair.errors import MailNotSent, MailTokenInvalid, WrongPassword
from tokenpair.errors import SessionEnded as SessionHasEnded
from tokenpair.ports import Storage
from tokenpair.testing import (
    PASSWORD,
    FakeClock,
    Inbox,
    a_user,
    login_as,
    make_auth,
    read_mails,
)

NEW = "ada.lovelace@example.org"
NEW_PASSWORD = "purple elephants dance on marbles"


class Server(Inbox):
    """A mail server that is down at first."""

    is_up = False

    async def send(self, message: Message) -> None:
        if not self.is_up:
            raise MailNotSent("the server is down")
        await super().send(message)


@pytest.fixture
async def pair(auth: Auth, ada: User) -> TokenPair:
    return await login_as(auth, ada)


@pytest.fixture
async def claims(auth: Auth, pair: TokenPair) -> AccessClaims:
    return await auth.verify_access(pair.access_token)


async def ask(auth: Auth, claims: AccessClaims, address: str = NEW) -> None:
    await auth.change_email(
        claims.subject, password=PASSWORD, new_email=address, keep_session=claims.session_id
    )


async def delivered(auth: Auth) -> str:
    """Return the token of the one link that waits."""
    mails = await read_mails(auth)
    (link,) = [each.link for each in mails if each.purpose is MailPurpose.CHANGE_EMAIL]
    assert link is not None
    return link.partition("#token=")[2]


async def address_of(auth: Auth, user: User) -> str:
    return (await auth.get_user(user.id)).email.typed


async def change_password(auth: Auth, user: User) -> None:
    await auth.change_password(user.id, current_password=PASSWORD, new_password=NEW_PASSWORD)


async def set_password(auth: Auth, user: User) -> None:
    await auth.set_password(user.id, NEW_PASSWORD)


async def reset_password(auth: Auth, user: User) -> None:
    purpose, address = Purpose.RESET_PASSWORD, user.email.typed
    token, stored = new_token(purpose, user.id, address, auth.clock(), bytes, credential_version=0)
    async with auth.storage.begin() as tx:
        await tx.one_time.put(stored)
    await auth.reset_password(token=token, new_password=NEW_PASSWORD)


Replace = Callable[[Auth, User], Awaitable[None]]
replacing_the_password = pytest.mark.parametrize(
    "replace", [change_password, set_password, reset_password]
)


async def test_the_address_changes_and_counts_as_verified(
    auth: Auth, ada: User, claims: AccessClaims, clock: FakeClock
) -> None:
    await ask(auth, claims)
    token = await delivered(auth)
    told: list[Event] = []

    await watched(auth.confirm_email_change, told)(token)

    user = await auth.get_user(ada.id)
    assert (user.email.typed, user.email_verified_at) == (NEW, clock())
    assert told == [
        EmailVerified(user_id=ada.id, version=1),
        AddressChanged(user_id=ada.id),
    ]
    assert await mails_of(auth) == [
        (MailPurpose.ADDRESS_CHANGED, NEW),
        (MailPurpose.ADDRESS_CHANGED, "ada@example.com"),
    ]


async def test_a_verified_user_needs_no_new_token(
    auth: Auth, ada: User, pair: TokenPair, claims: AccessClaims, clock: FakeClock
) -> None:
    async with auth.storage.begin() as tx:
        await tx.users.set_email_verified(ada.id, clock())
    clock.advance(minutes=1)
    renewed = await auth.renew(pair.refresh_token)
    await ask(auth, claims)

    await auth.confirm_email_change(await delivered(auth))

    assert (await auth.get_user(ada.id)).email_verified_at == clock()
    assert await auth.verify_access(renewed.access_token)


async def test_confirming_ends_the_sessions_but_the_one_that_asked(
    auth: Auth, ada: User, claims: AccessClaims
) -> None:
    other = await auth.verify_access((await login_as(auth, ada)).access_token)
    await ask(auth, claims)
    told: list[Event] = []

    await watched(auth.confirm_email_change, told)(await delivered(auth))

    assert [each.id for each in await auth.list_sessions(ada.id)] == [claims.session_id]
    assert told[1:-1] == [
        SessionEnded(user_id=ada.id, session_id=other.session_id, reason=EndReason.ADDRESS_CHANGED)
    ]


@replacing_the_password
async def test_a_new_password_ends_a_change_of_address_that_was_mailed(
    auth: Auth, ada: User, claims: AccessClaims, replace: Replace
) -> None:
    """A5: the link of an attacker who knew the old password is of no use."""
    await ask(auth, claims)
    token = await delivered(auth)

    await replace(auth, ada)

    with pytest.raises(MailTokenInvalid):
        await auth.confirm_email_change(token)
    assert await address_of(auth, ada) == "ada@example.com"


@replacing_the_password
async def test_a_new_password_ends_a_change_of_address_that_waits_to_be_mailed(
    storage: Storage, clock: FakeClock, replace: Replace
) -> None:
    """A5: also if the mail server was down, and the link is made after the change."""
    server = Server()
    auth = make_auth(storage=storage, clock=clock, mail_options=MailOptions(sender=server))
    async with auth:
        ada = await a_user(auth)
        await ask(auth, await auth.verify_access((await login_as(auth, ada)).access_token))
        await auth._parts.mailer.loop.drain()

        await replace(auth, ada)
        server.is_up = True
        clock.advance(minutes=5)
        await auth._parts.mailer.loop.drain()
        (link,) = [each.link for each in server.messages if each.recipient == NEW]

        assert link is not None
        with pytest.raises(MailTokenInvalid):
            await auth.confirm_email_change(link.partition("#token=")[2])
        assert await address_of(auth, ada) == "ada@example.com"


async def test_a_rehash_of_the_password_ends_no_change_of_address(
    auth: Auth, ada: User, claims: AccessClaims
) -> None:
    await ask(auth, claims)
    async with auth.storage.begin() as tx:
        stored = await tx.users.lock(ada.id)
        assert stored is not None
        assert stored.password_hash is not None
        await tx.users.set_password_hash(ada.id, "another", replacing=stored.password_hash)

    await auth.confirm_email_change(await delivered(auth))

    assert await address_of(auth, ada) == NEW


async def test_a_newer_request_ends_the_older_mail_that_waits(
    storage: Storage, clock: FakeClock
) -> None:
    """A11: also if the newer address is taken. The older link would reveal that."""
    server = Server()
    auth = make_auth(storage=storage, clock=clock, mail_options=MailOptions(sender=server))
    async with auth:
        ada = await a_user(auth)
        await a_user(auth, NEW)
        claims = await auth.verify_access((await login_as(auth, ada)).access_token)
        await ask(auth, claims, "mine@example.org")
        await auth._parts.mailer.loop.drain()

        await ask(auth, claims, NEW)
        server.is_up = True
        clock.advance(minutes=5)
        await auth._parts.mailer.loop.drain()

        assert MailPurpose.CHANGE_EMAIL not in {each.purpose for each in server.messages}


@pytest.mark.parametrize("purpose", [Purpose.RESET_PASSWORD, Purpose.VERIFY_EMAIL])
async def test_tokens_that_were_mailed_to_the_old_address_are_gone(
    auth: Auth, ada: User, claims: AccessClaims, clock: FakeClock, purpose: Purpose
) -> None:
    """A2: a reader of the old mailbox can do nothing with the account."""
    _, old = new_token(purpose, ada.id, "ada@example.com", clock(), bytes)
    async with auth.storage.begin() as tx:
        await tx.one_time.put(old)
    await ask(auth, claims)

    await auth.confirm_email_change(await delivered(auth))

    async with auth.storage.begin() as tx:
        assert await tx.one_time.use(ada.id, purpose, old.token_hash, clock()) is None


async def test_a_disabled_users_link_changes_nothing(
    auth: Auth, ada: User, claims: AccessClaims
) -> None:
    await ask(auth, claims)
    token = await delivered(auth)

    await auth.disable(ada.id)

    with pytest.raises(MailTokenInvalid):
        await auth.confirm_email_change(token)
    assert await address_of(auth, ada) == "ada@example.com"


async def test_a_deleted_users_link_changes_nothing(
    auth: Auth, ada: User, claims: AccessClaims
) -> None:
    """R16: and nothing of the account that signs up with the address."""
    await ask(auth, claims)
    token = await delivered(auth)
    await auth.delete(ada.id)
    again = await a_user(auth, "ada@example.com")

    with pytest.raises(MailTokenInvalid):
        await auth.confirm_email_change(token)

    assert await address_of(auth, again) == "ada@example.com"


async def test_the_session_must_be_live_by_its_row_to_ask(
    auth: Auth, ada: User, claims: AccessClaims
) -> None:
    await auth.end_session(ada.id, claims.session_id)

    with pytest.raises(SessionHasEnded):
        await ask(auth, claims)

    assert await mails_of(auth) == []


async def test_of_many_confirmations_at_once_one_succeeds(
    auth: Auth, ada: User, claims: AccessClaims
) -> None:
    """R17: a token is used once, also by twenty requests at the same moment."""
    await ask(auth, claims)
    token = await delivered(auth)

    outcomes = await asyncio.gather(
        *(auth.confirm_email_change(token) for _ in range(20)), return_exceptions=True
    )

    assert sorted(type(each).__name__ for each in outcomes) == ["MailTokenInvalid"] * 19 + [
        "NoneType"
    ]
    assert await address_of(auth, ada) == NEW


async def test_of_two_accounts_that_confirm_one_address_one_gets_it(
    auth: Auth, ada: User, claims: AccessClaims
) -> None:
    """A12: at the same moment, without a 500."""
    eve = await a_user(auth, "eve@example.com")
    hers = await auth.verify_access((await login_as(auth, eve)).access_token)
    await ask(auth, claims)
    mine = await delivered(auth)
    await ask(auth, hers)
    theirs = await delivered(auth)

    outcomes = await asyncio.gather(
        auth.confirm_email_change(mine),
        auth.confirm_email_change(theirs),
        return_exceptions=True,
    )

    assert sorted(type(each).__name__ for each in outcomes) == ["MailTokenInvalid", "NoneType"]
    addresses = {await address_of(auth, ada), await address_of(auth, eve)}
    assert addresses in ({NEW, "eve@example.com"}, {"ada@example.com", NEW})


async def test_a_wrong_password_asks_for_nothing(auth: Auth, ada: User) -> None:
    """V7.5.1."""
    with pytest.raises(WrongPassword):
        await auth.change_email(ada.id, password="wrong", new_email=NEW)

    assert await mails_of(auth) == []
