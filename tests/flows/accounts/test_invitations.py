"""An invitation makes one account, with its roles, for the address that it was mailed to."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest

from tests.flows.accounts.conftest import watched
from tests.waiting import limit
from tokenpair import Auth, Device, SignUpMode, User
from tokenpair.core.accounts.email import EmailAddress
from tokenpair.core.accounts.invitation import invitation_id
from tokenpair.core.accounts.user import StoredUser
from tokenpair.core.events import Event
from tokenpair.core.mail import MailPurpose
from tokenpair.errors import (
    ConfigurationError,
    EmailTaken,
    InvalidCredentials,
    InvalidInput,
    MailTokenInvalid,
    SignUpClosed,
    TooManyRequests,
)
from tokenpair.events import InvitationAccepted, SignedUp, UserCreated
from tokenpair.flows.accounts.invite import Invite
from tokenpair.flows.accounts.new_password import NewPassword
from tokenpair.ids import uuid7
from tokenpair.options import MailOptions
from tokenpair.ports import Storage, UnitOfWork
from tokenpair.testing import (
    PASSWORD,
    FakeClock,
    a_user,
    make_auth,
    read_mail_token,
    read_mails,
)
from tokenpair.testing.store_contract import make_user
from tokenpair.testing.store_contract.outbox import make_mail

ADA = "Ada@Example.com"
EDITOR = frozenset({"editor"})


async def tokens_of(auth: Auth) -> list[str]:
    """Deliver the mails, and return the tokens of their links."""
    links = [each.link for each in await read_mails(auth)]
    return [link.partition("#token=")[2] for link in links if link]


async def invited(auth: Auth, email: str = ADA, roles: frozenset[str] = EDITOR) -> str:
    """Invite an address; return the token that it gets."""
    await auth.invite(email=email, roles=roles)
    (token,) = await tokens_of(auth)
    return token


async def accept(auth: Auth, token: str) -> User:
    return await auth.accept_invitation(token=token, password=PASSWORD, profile={"name": "Ada"})


async def users_of(auth: Auth) -> list[User]:
    async with auth.storage.reading() as look:
        return await look.users.list(limit=100)


async def test_an_invited_user_gets_an_account(auth: Auth, clock: FakeClock) -> None:
    token = await invited(auth)
    clock.advance(days=6)
    told: list[Event] = []

    user = await watched(auth.accept_invitation, told)(
        token=token, password=PASSWORD, profile={"name": "Ada"}
    )

    assert (user.email.typed, user.roles, user.profile) == (ADA, EDITOR, {"name": "Ada"})
    assert (user.email_verified_at, user.created_at) == (clock(), clock())
    assert told == [InvitationAccepted(user=user)]
    pair = await auth.log_in(email="ada@example.com", password=PASSWORD)
    claims = await auth.verify_access(pair.access_token)
    assert (claims.subject, claims.roles, claims.email_verified) == (user.id, EDITOR, True)


async def test_the_mail_goes_to_the_mailbox_as_it_was_typed(auth: Auth) -> None:
    await auth.invite(email=ADA, roles=EDITOR)

    (mail,) = await read_mails(auth)

    assert (mail.recipient, mail.purpose) == ("Ada@example.com", MailPurpose.INVITATION)
    assert mail.link
    assert "/invitation#token=" in mail.link


async def test_it_is_accepted_once(auth: Auth) -> None:
    token = await invited(auth)
    await accept(auth, token)

    with pytest.raises(MailTokenInvalid):
        await accept(auth, token)

    assert len(await users_of(auth)) == 1


async def test_twenty_at_once_make_one_account(auth: Auth) -> None:
    token = await invited(auth)

    async with limit():
        results = await asyncio.gather(
            *(accept(auth, token) for _ in range(20)), return_exceptions=True
        )

    made = [each for each in results if isinstance(each, User)]
    errors = [type(each) for each in results if not isinstance(each, User)]
    assert errors == [MailTokenInvalid] * 19
    assert await users_of(auth) == made


async def test_it_expires_after_seven_days(auth: Auth, clock: FakeClock) -> None:
    token = await invited(auth)
    clock.advance(days=7)

    with pytest.raises(MailTokenInvalid):
        await accept(auth, token)

    assert await users_of(auth) == []


@pytest.mark.parametrize("newer", [ADA, "ada@EXAMPLE.com"], ids=["same", "other_case"])
async def test_a_newer_one_replaces_the_older_with_its_roles(auth: Auth, newer: str) -> None:
    older = await invited(auth, roles=frozenset({"admin"}))
    token = await invited(auth, newer)

    with pytest.raises(MailTokenInvalid):
        await accept(auth, older)
    user = await accept(auth, token)

    assert (user.email.typed, user.roles) == (newer, EDITOR)


async def test_the_older_is_invalid_before_the_newer_is_delivered() -> None:
    auth = make_auth()  # Not open: it delivers no mail by itself.
    older = await invited(auth, roles=frozenset({"admin"}))
    await auth.invite(email=ADA, roles=EDITOR)

    with pytest.raises(MailTokenInvalid):
        await accept(auth, older)


async def test_an_older_mail_that_still_waits_is_not_sent(auth: Auth) -> None:
    loop = auth._parts.mailer.loop
    await loop.stop()  # So that it does not send the older one before there is a newer one.
    await auth.invite(email=ADA, roles=frozenset({"admin"}))
    await auth.invite(email="ADA@example.com", roles=EDITOR)
    loop.start()

    (token,) = await tokens_of(auth)

    assert (await accept(auth, token)).roles == EDITOR


async def test_the_account_has_the_id_that_the_invitation_has_named(auth: Auth) -> None:
    reserved = await auth.invite(email=ADA, roles=EDITOR)
    (token,) = await tokens_of(auth)

    assert (await accept(auth, token)).id == reserved


INVITED = invitation_id(EmailAddress.parse(ADA))


async def sign_up(auth: Auth, _: str) -> None:
    await auth.sign_up(email="ada@example.com", password=PASSWORD)


async def import_account(auth: Auth, _: str) -> None:
    await auth.import_account(email="ada@example.com", password_hash=None)


async def change_address(auth: Auth, _: str) -> None:
    bob = await a_user(auth, "bob@example.com")
    await auth.change_email(bob.id, password=PASSWORD, new_email="ada@example.com")
    await auth.confirm_email_change(await read_mail_token(auth, MailPurpose.CHANGE_EMAIL))


async def accept_it(auth: Auth, token: str) -> None:
    await accept(auth, token)


async def export_and_delete(auth: Auth, _: str) -> None:
    """Delete an account that was made while the invitation was delivered."""
    user = make_user("ada@example.com")
    async with auth.storage.begin() as tx:
        await tx.users.add(StoredUser(user=user))
    data = (await auth.export(user.id)).data
    rows = [*data["tokenpair_one_time"], *data["tokenpair_outbox"]]
    assert [row["user_id"] for row in rows] == [INVITED] * 2
    await auth.delete(user.id)


@pytest.mark.parametrize(
    "way", [sign_up, import_account, change_address, accept_it, export_and_delete]
)
async def test_no_invitation_outlives_its_purpose(
    auth: Auth, way: Callable[[Auth, str], Awaitable[None]]
) -> None:
    token = await invited(auth)
    tomorrow = auth.clock() + timedelta(days=1)
    async with auth.storage.begin() as tx:  # As if another attempt to send it were to come.
        mail = make_mail(user_id=INVITED, purpose=MailPurpose.INVITATION, due_at=tomorrow)
        await tx.outbox.add(mail)

    await way(auth, token)

    async with auth.storage.reading() as look:
        rows = await look.export.rows(uuid7(), INVITED)
    assert (rows["tokenpair_one_time"], rows["tokenpair_outbox"]) == ([], [])


async def test_other_addresses_have_their_own(auth: Auth) -> None:
    ada, bob = await invited(auth), await invited(auth, "bob@example.com", frozenset())

    users = [await accept(auth, token) for token in (bob, ada)]

    assert [each.email.typed for each in users] == ["bob@example.com", ADA]
    assert [sorted(each.roles) for each in users] == [[], ["editor"]]


@pytest.mark.parametrize("address", [ADA, "ada@example.com", "ADA@EXAMPLE.COM"])
async def test_an_address_with_an_account_is_not_invited(auth: Auth, address: str) -> None:
    await a_user(auth, "ada@example.com")
    await read_mails(auth)

    with pytest.raises(EmailTaken):
        await auth.invite(email=address, roles=EDITOR)

    assert await read_mails(auth) == []


async def test_nor_does_it_accept_an_older_invitation(auth: Auth) -> None:
    token = await invited(auth)
    user = await a_user(auth, "ada@example.com")

    with pytest.raises(MailTokenInvalid):
        await accept(auth, token)

    assert await users_of(auth) == [user]
    assert await auth.log_in(email=ADA, password=PASSWORD)


@dataclass(frozen=True, kw_only=True)
class Meanwhile(NewPassword):
    """Signs the address up while the password is hashed."""

    auth: Auth

    async def __call__(self, *args: Any, **options: Any) -> str:
        await self.auth.sign_up(email=ADA, password=PASSWORD)
        return await super().__call__(*args, **options)


async def test_nor_if_it_gets_one_meanwhile(auth: Auth) -> None:
    token = await invited(auth)
    flow = auth.accept_invitation
    usual = flow.new_password
    meanwhile = Meanwhile(
        auth=auth, passwords=usual.passwords, policy=usual.policy, breaches=usual.breaches
    )

    with pytest.raises(MailTokenInvalid):
        await replace(flow, new_password=meanwhile)(token=token, password=PASSWORD)

    assert len(await users_of(auth)) == 1


async def test_a_sign_up_at_the_same_moment_makes_one_account(auth: Auth) -> None:
    token = await invited(auth)

    async with limit():
        results = await asyncio.gather(
            *(accept(auth, token) for _ in range(3)),
            *(auth.sign_up(email=ADA, password=PASSWORD) for _ in range(3)),
            return_exceptions=True,
        )

    made = [each for each in results if isinstance(each, User)]
    errors = [each for each in results if not isinstance(each, User)]
    assert {type(each) for each in errors} <= {MailTokenInvalid, EmailTaken}
    assert await users_of(auth) == made
    assert len(made) == 1


CHANGES: dict[str, Callable[[str], str]] = {
    "truncated": lambda token: token[:-1],
    "trailing_space": lambda token: token + " ",
    "other_secret": lambda token: token[:-4] + "AAAA",
    "other_address": lambda token: "AAAA" + token[4:],
    "empty": lambda _: "",
    "not_ascii": lambda _: "é" * 64,
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
async def test_a_forged_token_is_refused(auth: Auth, change: Callable[[str], str]) -> None:
    token = await invited(auth)

    with pytest.raises(MailTokenInvalid):
        await accept(auth, change(token))

    assert await accept(auth, token)


async def test_a_token_for_another_purpose_is_refused(auth: Auth) -> None:
    """V6.6.2: and an invitation serves no other purpose."""
    token = await invited(auth)
    bob = await a_user(auth, "bob@example.com")
    await read_mails(auth)
    await auth.change_email(bob.id, password=PASSWORD, new_email="new@example.com")
    (other,) = await tokens_of(auth)

    with pytest.raises(MailTokenInvalid):
        await accept(auth, other)
    with pytest.raises(MailTokenInvalid):
        await auth.confirm_email_change(token)


@pytest.mark.parametrize("password", ["short", "ada@example.com ada"])
async def test_an_invalid_password_does_not_use_it_up(auth: Auth, password: str) -> None:
    token = await invited(auth)

    with pytest.raises(InvalidInput) as raised:
        await auth.accept_invitation(token=token, password=password)

    assert raised.value.errors[0].field == "password"
    assert await accept(auth, token)


async def test_guesses_are_limited_by_the_clients_address() -> None:
    """V6.6.3."""
    auth = make_auth(limits=True)
    token = await invited(auth)
    device = Device(ip="203.0.113.7")

    async def guess(text: str) -> User:
        return await auth.accept_invitation(token=text, password=PASSWORD, device=device)

    for _ in range(10):
        with pytest.raises(MailTokenInvalid):
            await guess("x" * 64)
    with pytest.raises(TooManyRequests):
        await guess(token)

    assert await accept(auth, token)


async def test_a_hook_that_refuses_does_not_use_it_up(auth: Auth) -> None:
    refuses = True

    @auth.within(InvitationAccepted)
    async def refuse(_: InvitationAccepted, __: UnitOfWork) -> None:
        if refuses:
            raise EmailTaken

    token = await invited(auth)

    with pytest.raises(EmailTaken):
        await accept(auth, token)
    refuses = False

    assert await accept(auth, token)


async def test_one_hook_hears_of_every_new_account(auth: Auth) -> None:
    heard: list[type[UserCreated]] = []

    @auth.within(UserCreated)
    async def note(event: UserCreated, _: UnitOfWork) -> None:
        heard.append(type(event))

    await accept(auth, await invited(auth))
    await a_user(auth, "bob@example.com")

    assert heard == [InvitationAccepted, SignedUp]


@pytest.mark.parametrize(
    "roles",
    [{"two words"}, {"größe"}, {"x" * 65}, {""}, {f"role{n}" for n in range(33)}],
    ids=["space", "letters", "long", "empty", "many"],
)
async def test_roles_that_no_token_can_carry_are_refused(auth: Auth, roles: set[str]) -> None:
    with pytest.raises(InvalidInput) as raised:
        await auth.invite(email=ADA, roles=frozenset(roles))

    assert raised.value.errors[0].field == "roles"
    assert await read_mails(auth) == []


async def test_a_text_in_place_of_a_set_is_refused(auth: Auth) -> None:
    """Otherwise, its letters would be the roles."""
    admin: Any = "admin"

    for refused in (
        auth.invite(email=ADA, roles=admin),
        auth.import_account(email=ADA, password_hash=None, roles=admin),
        auth.set_roles(uuid7(), admin),
    ):
        with pytest.raises(TypeError, match="roles are a set of names"):
            await refused


async def test_an_invalid_address_is_refused(auth: Auth) -> None:
    with pytest.raises(InvalidInput):
        await auth.invite(email="ada", roles=EDITOR)


async def test_the_address_of_a_deleted_account_can_be_invited_again(auth: Auth) -> None:
    """The new account has another id, or the app would mistake it for the old one."""
    first = await accept(auth, await invited(auth))
    await auth.delete(first.id)

    second = await accept(auth, await invited(auth))

    assert second.id != first.id
    pair = await auth.log_in(email=ADA, password=PASSWORD)
    assert (await auth.verify_access(pair.access_token)).subject == second.id


async def test_an_accepted_invitation_leaves_nothing(auth: Auth) -> None:
    await accept(auth, await invited(auth))

    async with auth.storage.begin() as tx:
        assert await tx.outbox.due(auth.clock() + timedelta(days=30), limit=10) == []


async def test_without_roles_the_account_has_the_default_ones(
    storage: Storage, clock: FakeClock
) -> None:
    """Those of the app, also if a command line has invited the user."""
    async with make_auth(storage=storage, clock=clock, default_roles="user") as auth:
        rules = replace(auth._parts.rules, default_roles=frozenset({"other"}))
        await replace(auth._parts, make_rules=lambda: rules).build(Invite)(email=ADA)
        (token,) = await tokens_of(auth)
        user = await accept(auth, token)
        other = await accept(auth, await invited(auth, "bob@example.com", frozenset()))

    assert [sorted(each.roles) for each in (user, other)] == [["user"], []]


async def test_invited_mode_has_this_one_way_in(storage: Storage, clock: FakeClock) -> None:
    async with make_auth(storage=storage, clock=clock, sign_up=SignUpMode.INVITED) as auth:
        with pytest.raises(SignUpClosed):
            await auth.sign_up(email=ADA, password=PASSWORD)
        with pytest.raises(InvalidCredentials):
            await auth.log_in(email=ADA, password=PASSWORD)

        assert await accept(auth, await invited(auth))


async def test_closed_mode_has_none(storage: Storage, clock: FakeClock) -> None:
    async with make_auth(storage=storage, clock=clock) as auth:
        token = await invited(auth)
        async with make_auth(storage=storage, clock=clock, sign_up=SignUpMode.CLOSED) as closed:
            with pytest.raises(SignUpClosed):
                await closed.invite(email="bob@example.com")
            with pytest.raises(SignUpClosed):
                await accept(closed, token)

            assert await users_of(closed) == []


async def test_without_mail_it_says_what_to_set() -> None:
    auth = make_auth(mail_options=MailOptions(is_on=False))

    with pytest.raises(ConfigurationError, match="TOKENPAIR_MAIL=on"):
        await auth.invite(email=ADA)
