"""Verify an address, and reset a forgotten password, by the token of a mail."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from tokenpair import Auth, Key, Keyring
from tokenpair.core.accounts.user import User
from tokenpair.core.mail import MailPurpose
from tokenpair.core.message import Message
from tokenpair.core.one_time import Purpose, new_token
from tokenpair.errors import (
    ConfigurationError,
    EmailTaken,
    InvalidCredentials,
    InvalidInput,
    MailTokenInvalid,
    SessionEnded,
    StaleToken,
)
from tokenpair.ids import uuid7
from tokenpair.passwords import Argon2Passwords
from tokenpair.stores.memory import MemoryStorage
from tokenpair.testing import CHEAP, PASSWORD, FakeClock, a_user, login_as, read_mails

NEW = "quite another passphrase"


@pytest.fixture
async def ada(auth: Auth) -> User:
    return await a_user(auth)


async def mailed(auth: Auth, purpose: MailPurpose) -> Message:
    """Deliver, and return the newest mail with a purpose."""
    return [each for each in await read_mails(auth) if each.purpose is purpose][-1]


def token_of(mail: Message) -> str:
    assert mail.link
    return mail.link.partition("#token=")[2]


async def verification(auth: Auth) -> str:
    return token_of(await mailed(auth, MailPurpose.VERIFY_EMAIL))


async def reset_token(auth: Auth, email: str = "ada@example.com") -> str:
    await auth.forgot_password(email=email)
    return token_of(await mailed(auth, MailPurpose.RESET_PASSWORD))


class TestVerification:
    async def test_sign_up_mails_a_link_that_verifies_the_address(
        self, auth: Auth, ada: User, clock: FakeClock
    ) -> None:
        await auth.verify_email(await verification(auth))

        assert (await auth.get_user(ada.id)).email_verified_at == clock()

    async def test_an_earlier_access_token_is_stale_and_a_renewed_one_says_verified(
        self, auth: Auth, ada: User
    ) -> None:
        pair = await login_as(auth, ada)

        await auth.verify_email(await verification(auth))

        with pytest.raises(StaleToken):
            await auth.verify_access(pair.access_token)
        renewed = await auth.renew(pair.refresh_token)
        assert (await auth.verify_access(renewed.access_token)).email_verified

    async def test_another_mail_can_be_requested_until_the_address_is_verified(
        self, auth: Auth, ada: User
    ) -> None:
        first = await verification(auth)
        await auth.request_verification(ada.id)
        second = await verification(auth)

        with pytest.raises(MailTokenInvalid):
            await auth.verify_email(first)
        await auth.verify_email(second)
        await auth.request_verification(ada.id)

        assert await read_mails(auth) == []

    async def test_a_new_password_leaves_the_link_valid(self, auth: Auth, ada: User) -> None:
        token = await verification(auth)
        await auth.set_password(ada.id, NEW)

        await auth.verify_email(token)

    async def test_a_user_who_is_gone_or_disabled_gets_no_mail(self, auth: Auth, ada: User) -> None:
        await auth.disable(ada.id)

        for user_id in (ada.id, uuid7()):
            with pytest.raises(SessionEnded):
                await auth.request_verification(user_id)

    async def test_a_link_for_an_address_that_has_changed_verifies_nothing(
        self, auth: Auth, ada: User
    ) -> None:
        """A2."""
        token = await verification(auth)
        other = type(ada.email).parse("lovelace@example.com")
        async with auth.storage.begin() as tx:
            await tx.users.set_email(ada.id, other, verified_at=None)

        with pytest.raises(MailTokenInvalid):
            await auth.verify_email(token)

        assert (await auth.get_user(ada.id)).email_verified_at is None

    async def test_the_second_sign_up_for_an_address_changes_no_password(
        self, auth: Auth, ada: User
    ) -> None:
        """A3: the owner signed up first, and an attacker signs up before the link is opened."""
        token = await verification(auth)
        with pytest.raises(EmailTaken):
            await auth.sign_up(email="ADA@example.com", password=NEW)
        await auth.verify_email(token)

        with pytest.raises(InvalidCredentials):
            await auth.log_in(email="ada@example.com", password=NEW)
        await login_as(auth, ada)


class TestReset:
    async def test_a_link_sets_a_new_password(self, auth: Auth, ada: User) -> None:
        await auth.reset_password(token=await reset_token(auth), new_password=NEW)

        with pytest.raises(InvalidCredentials):
            await login_as(auth, ada)
        await auth.log_in(email="ada@example.com", password=NEW)

    async def test_all_sessions_end(self, auth: Auth, ada: User) -> None:
        pairs = [await login_as(auth, ada) for _ in range(2)]

        await auth.reset_password(token=await reset_token(auth), new_password=NEW)

        assert await auth.list_sessions(ada.id) == []
        for pair in pairs:
            with pytest.raises(SessionEnded):
                await auth.verify_access(pair.access_token)
            with pytest.raises(SessionEnded):
                await auth.renew(pair.refresh_token)

    async def test_an_attacker_who_signed_up_with_the_owners_address_is_locked_out(
        self, auth: Auth, ada: User, clock: FakeClock
    ) -> None:
        """A4: the owner's reset ends the attacker's sessions, and verifies the address."""
        attacker = await login_as(auth, ada)

        await auth.reset_password(token=await reset_token(auth), new_password=NEW)

        assert (await auth.get_user(ada.id)).email_verified_at == clock()
        with pytest.raises(SessionEnded):
            await auth.renew(attacker.refresh_token)
        with pytest.raises(InvalidCredentials):
            await login_as(auth, ada)

    @pytest.mark.usefixtures("ada")
    async def test_the_user_is_told(self, auth: Auth) -> None:
        await auth.reset_password(token=await reset_token(auth), new_password=NEW)

        mail = await mailed(auth, MailPurpose.PASSWORD_CHANGED)
        assert "ada@example.com" in str(mail.recipient)

    @pytest.mark.usefixtures("ada")
    async def test_the_mail_goes_to_the_stored_address(self, auth: Auth) -> None:
        """A1: in the letters' case of the account."""
        await auth.forgot_password(email="ADA@EXAMPLE.COM")

        mail = await mailed(auth, MailPurpose.RESET_PASSWORD)
        assert "ada@example.com" in str(mail.recipient)

    @pytest.mark.parametrize(
        "email",
        [
            pytest.param("unknown@example.com", id="unknown"),
            pytest.param("\u0430da@example.com", id="a Cyrillic letter"),
            pytest.param("\uff41da@example.com", id="a fullwidth letter"),
            pytest.param("ada@example.com\r\nBcc: eve@example.com", id="a header"),
            pytest.param("", id="nothing"),
            pytest.param("a" * 320, id="no address"),
        ],
    )
    @pytest.mark.usefixtures("ada")
    async def test_an_address_without_an_account_gets_no_mail(self, auth: Auth, email: str) -> None:
        """A1. And the caller learns nothing."""
        await read_mails(auth)

        await auth.forgot_password(email=email)

        assert await read_mails(auth) == []

    async def test_a_disabled_account_gets_no_mail_and_no_new_password(
        self, auth: Auth, ada: User
    ) -> None:
        token = await reset_token(auth)
        await auth.disable(ada.id)
        await auth.forgot_password(email="ada@example.com")

        assert await read_mails(auth) == []
        with pytest.raises(MailTokenInvalid):
            await auth.reset_password(token=token, new_password=NEW)

    async def test_a_used_token_and_an_older_one_are_invalid(self, auth: Auth, ada: User) -> None:
        """A7."""
        older, newer = [await reset_token(auth) for _ in range(2)]

        with pytest.raises(MailTokenInvalid):
            await auth.reset_password(token=older, new_password=NEW)
        await auth.reset_password(token=newer, new_password=NEW)
        with pytest.raises(MailTokenInvalid):
            await auth.reset_password(token=newer, new_password="a third long passphrase")

        await auth.log_in(email=ada.email.typed, password=NEW)

    async def test_a_link_from_before_another_change_of_the_password_is_invalid(
        self, auth: Auth, ada: User
    ) -> None:
        token = await reset_token(auth)
        async with auth.storage.begin() as tx:
            await tx.users.set_password(ada.id, "hash")

        with pytest.raises(MailTokenInvalid):
            await auth.reset_password(token=token, new_password=NEW)

    async def test_a_mail_that_waited_while_the_password_changed_has_no_valid_link(
        self, auth: Auth, ada: User
    ) -> None:
        await auth.forgot_password(email="ada@example.com")
        await auth.set_password(ada.id, NEW)

        token = token_of(await mailed(auth, MailPurpose.RESET_PASSWORD))

        with pytest.raises(MailTokenInvalid):
            await auth.reset_password(token=token, new_password=PASSWORD)

    async def test_a_token_without_a_version_of_the_password_is_invalid(
        self, auth: Auth, ada: User, clock: FakeClock
    ) -> None:
        """As a worker of an older version, or a flow that forgets it, would store it."""
        text, stored = new_token(Purpose.RESET_PASSWORD, ada.id, ada.email.typed, clock(), bytes)
        async with auth.storage.begin() as tx:
            await tx.one_time.put(stored)

        with pytest.raises(MailTokenInvalid):
            await auth.reset_password(token=text, new_password=NEW)

    async def test_a_log_in_that_hashes_again_leaves_the_link_valid(
        self, auth: Auth, ada: User
    ) -> None:
        token = await reset_token(auth)
        async with auth.storage.begin() as tx:
            found = await tx.users.lock(ada.id)
            assert found
            assert found.password_hash
            await tx.users.set_password_hash(ada.id, "hash", replacing=found.password_hash)

        await auth.reset_password(token=token, new_password=NEW)

    @pytest.mark.parametrize(("minutes", "is_valid"), [(29, True), (30, False)])
    async def test_a_link_is_valid_for_thirty_minutes(
        self, auth: Auth, ada: User, clock: FakeClock, minutes: int, is_valid: bool
    ) -> None:
        token = await reset_token(auth)
        clock.advance(minutes=minutes)

        outcome = await outcome_of(auth.reset_password(token=token, new_password=NEW))

        assert (outcome is None) == is_valid
        assert ada.is_enabled

    async def test_an_easily_guessed_password_uses_no_link_up(self, auth: Auth, ada: User) -> None:
        """A15, and the user's own words."""
        token = await reset_token(auth)

        for password in ("", "short", "ada@example.com ada@example.com"):
            with pytest.raises(InvalidInput, match="new_password"):
                await auth.reset_password(token=token, new_password=password)
        await auth.reset_password(token=token, new_password=NEW)

        await auth.log_in(email=ada.email.typed, password=NEW)


USES: list[Callable[[Auth, str], Awaitable[object]]] = [
    lambda auth, token: auth.verify_email(token),
    lambda auth, token: auth.reset_password(token=token, new_password=NEW),
]


@pytest.mark.parametrize("use", USES, ids=["verify", "reset"])
class TestAnyLink:
    async def token(self, auth: Auth, use: object) -> str:
        return await verification(auth) if use is USES[0] else await reset_token(auth)

    @pytest.mark.usefixtures("ada")
    async def test_of_twenty_at_once_one_succeeds(
        self, auth: Auth, use: Callable[[Auth, str], Awaitable[object]]
    ) -> None:
        token = await self.token(auth, use)

        outcomes = await asyncio.gather(*(outcome_of(use(auth, token)) for _ in range(20)))

        assert outcomes.count(None) == 1
        assert {type(each) for each in outcomes if each} == {MailTokenInvalid}

    @pytest.mark.usefixtures("ada")
    async def test_another_text_is_invalid(
        self, auth: Auth, use: Callable[[Auth, str], Awaitable[object]]
    ) -> None:
        token = await self.token(auth, use)
        end = "A" if token[-1] != "A" else "B"
        for text in ("", " ", token[:-1], token + " ", " " + token, token[:-1] + end, token + "A"):
            with pytest.raises(MailTokenInvalid):
                await use(auth, text)

        assert await use(auth, token) is None

    async def test_a_link_for_another_purpose_or_user_is_invalid(
        self, auth: Auth, ada: User, use: Callable[[Auth, str], Awaitable[object]]
    ) -> None:
        token = await self.token(auth, use)
        other = USES[1] if use is USES[0] else USES[0]
        eve = await a_user(auth, "eve@example.com")
        eves = await self.eves(auth, use, eve)

        with pytest.raises(MailTokenInvalid):
            await other(auth, token)
        with pytest.raises(MailTokenInvalid):
            await use(auth, eves[:22] + token[22:])
        assert ada.is_enabled

    async def eves(
        self, auth: Auth, use: Callable[[Auth, str], Awaitable[object]], eve: User
    ) -> str:
        if use is USES[0]:
            return await verification(auth)
        return await reset_token(auth, eve.email.typed)


MAILING: dict[str, Callable[[Auth, User], Awaitable[object]]] = {
    "forgot_password": lambda auth, _: auth.forgot_password(email="eve@example.com"),
    "request_verification": lambda auth, ada: auth.request_verification(ada.id),
    "change_email": lambda auth, ada: auth.change_email(
        ada.id, password=PASSWORD, new_email="countess@example.com"
    ),
    "invite": lambda auth, _: auth.invite(email="bob@example.com"),
}


@pytest.mark.parametrize("verb", MAILING.values(), ids=MAILING)
async def test_without_mail_a_verb_that_only_mails_says_what_to_set(
    verb: Callable[[Auth, User], Awaitable[object]],
) -> None:
    auth = Auth(
        storage=MemoryStorage(),
        keyring=Keyring([Key.generate()]),
        issuer="https://auth.test",
        passwords=Argon2Passwords(CHEAP),
    )
    ada = await a_user(auth)

    with pytest.raises(ConfigurationError, match=r"TOKENPAIR_MAIL=on, or pass mail_options="):
        await verb(auth, ada)

    async with auth.storage.reading() as look:
        assert await look.outbox.due(auth.clock(), limit=10) == []


class TestRaces:
    async def test_a_renewal_and_a_log_in_at_the_moment_of_a_reset_survive_it_never(
        self, auth: Auth, ada: User
    ) -> None:
        for number in range(5):
            old, new = (PASSWORD, NEW) if number % 2 == 0 else (NEW, PASSWORD)
            pair = await auth.log_in(email=ada.email.typed, password=old)
            token = await reset_token(auth)
            await asyncio.gather(
                outcome_of(auth.renew(pair.refresh_token)),
                auth.reset_password(token=token, new_password=new),
                outcome_of(auth.log_in(email=ada.email.typed, password=old)),
            )

            assert await auth.list_sessions(ada.id) == []


async def outcome_of(doing: Awaitable[object]) -> BaseException | None:
    (result,) = await asyncio.gather(doing, return_exceptions=True)
    return result if isinstance(result, BaseException) else None
