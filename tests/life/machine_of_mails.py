"""The account life with mails: lost, late, twice, and their links in any order."""

import asyncio
from datetime import datetime, timedelta
from uuid import UUID

from hypothesis import strategies as st
from hypothesis.stateful import invariant, precondition, rule

from tests.life.machine import ROLES, WRONG, LifeMachine, indices, mostly, names, passwords
from tests.life.model_of_mails import CHANGE, INVITE, RESET, VERIFY, LifeWithMails, Link, Mail
from tokenpair import Auth, Message
from tokenpair.errors import MailNotSent
from tokenpair.testing import FakeClock

purposes = st.sampled_from([""] * 8 + [VERIFY, RESET, CHANGE, INVITE])
GIVEN_UP = timedelta(days=1)


class Courier:
    """A sender that may fail though the mail has arrived."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.fails = False

    async def send(self, message: Message) -> None:
        """Keep the mail. Raises `MailNotSent`."""
        self.messages.append(message)
        if self.fails:
            raise MailNotSent("the answer was lost")


class MailMachine(LifeMachine):
    """Adds the mails, their links, and what they change."""

    life: LifeWithMails

    def __init__(
        self, runner: asyncio.Runner, auth: Auth, clock: FakeClock, courier: Courier
    ) -> None:
        super().__init__(runner, auth, clock)
        self.life = LifeWithMails()
        self.courier = courier
        self.mails: dict[UUID, tuple[Mail, datetime]] = {}
        self.letters: list[tuple[Link, str]] = []

    # The post.

    @precondition(lambda self: self.life.waiting)
    @rule(which=indices, fate=st.sampled_from(["arrives", "arrives", "is lost", "is repeated"]))
    def deliver(self, which: int, fate: str) -> None:
        """Deliver a mail that is due. It may be lost on its way, or be tried again later."""
        is_repeated = fate == "is repeated"
        due = self.outbox(self.clock())
        if not due:
            return
        user_id, mail_id = due[-1 - which % len(due)]
        mail, created_at = self.mails[mail_id]
        self.courier.fails = is_repeated
        self.courier.messages.clear()

        self.attempt(self.auth._parts.mailer.deliver(user_id, mail_id))

        is_wanted = self.life.is_wanted(mail)
        assert [each.purpose.value for each in self.courier.messages] == [mail.purpose] * is_wanted
        link = self.life.deliver(mail, self.clock())
        for message in self.courier.messages:
            assert message.recipient == mail.address
            if link and message.link and fate != "is lost":
                self.letters.append((link, message.link.partition("#token=")[2]))
        if not is_wanted or not is_repeated or self.clock() >= created_at + GIVEN_UP:
            self.life.waiting.remove(mail)

    @invariant()
    def the_mails_that_wait_are_those_of_the_model(self) -> None:
        known = {id(mail) for mail, _ in self.mails.values()}
        expected = [each for each in self.life.waiting if id(each) not in known]

        waiting = self.outbox(self.clock() + 3 * GIVEN_UP)

        added = [mail_id for _, mail_id in waiting if mail_id not in self.mails]
        assert len(added) == len(expected)
        self.mails |= {
            mail_id: (mail, self.clock()) for mail_id, mail in zip(added, expected, strict=True)
        }
        assert {id(self.mails[mail_id][0]) for _, mail_id in waiting} == {
            id(each) for each in self.life.waiting
        }

    def outbox(self, at: datetime) -> list[tuple[UUID, UUID]]:
        """Return the mails that are due at a time, in the order in which they were queued."""

        async def due() -> list[tuple[UUID, UUID]]:
            async with self.auth.storage.reading() as look:
                return await look.outbox.due(at, limit=1000)

        # Those of one time may come in any order, and Hypothesis needs the same in every run.
        return sorted(self.runner.run(due()), key=lambda each: each[1])

    # Passwords.

    @rule(which=indices, is_renewed=mostly, is_right=mostly, new=passwords)
    def change_password(self, which: int, new: str, *, is_renewed: bool, is_right: bool) -> None:
        device = self.device(which, is_renewed=is_renewed)
        current = device.session.account.password if is_right else WRONG

        async def change() -> None:
            claims = await self.auth.verify_access(device.access)
            await self.auth.change_password(
                claims.subject,
                current_password=current,
                new_password=new,
                keep_session=claims.session_id,
            )

        code, _ = self.attempt(change())

        assert code == self.life.change_password(device.session, current, new, self.clock())

    @rule(which=indices, new=passwords)
    def set_password(self, which: int, new: str) -> None:
        account = self.account(which)

        code, _ = self.attempt(self.auth.set_password(self.id_of(account), new))

        assert code == self.life.set_password(account, new)

    # Addresses.

    @rule(which=indices, is_renewed=mostly, is_right=mostly, name=names)
    def change_email(self, which: int, name: str, *, is_renewed: bool, is_right: bool) -> None:
        device, address = self.device(which, is_renewed=is_renewed), self.address(name)
        password = device.session.account.password if is_right else WRONG

        async def change() -> None:
            claims = await self.auth.verify_access(device.access)
            await self.auth.change_email(
                claims.subject,
                password=password,
                new_email=address,
                keep_session=claims.session_id,
            )

        code, _ = self.attempt(change())

        assert code == self.life.change_email(device.session, password, address, self.clock())

    # What asks for a link.

    @rule(which=indices, is_renewed=mostly)
    def request_verification(self, which: int, *, is_renewed: bool) -> None:
        device = self.device(which, is_renewed=is_renewed)

        async def request() -> None:
            claims = await self.auth.verify_access(device.access)
            await self.auth.request_verification(claims.subject)

        code, _ = self.attempt(request())

        assert code == self.life.request_verification(device.session, self.clock())

    @rule(name=names)
    def forgot_password(self, name: str) -> None:
        email = self.address(name)

        assert self.attempt(self.auth.forgot_password(email=email)) == ("", None)

        self.life.forgot_password(email)

    @rule(name=names, roles=st.frozensets(st.sampled_from(ROLES)))
    def invite(self, name: str, roles: frozenset[str]) -> None:
        email = self.address(name)

        code, _ = self.attempt(self.auth.invite(email=email, roles=roles))

        assert code == self.life.invite(email, roles)

    # Links, each also where it does not belong.

    @rule(which=indices, is_delivered=mostly, purpose=purposes, new=passwords)
    def follow(self, which: int, purpose: str, new: str, *, is_delivered: bool) -> None:
        """Follow the link of one of the last mails, for its own purpose or for another."""
        if is_delivered and self.life.waiting:
            self.deliver(which, "arrives")
        if not self.letters:
            return
        link, token = self.letters[-1 - which % len(self.letters)]
        now = self.clock()

        match purpose or link.mail.purpose:
            case "verify_email":
                code, _ = self.attempt(self.auth.verify_email(token))
                expected = self.life.verify_email(link, now)
            case "reset_password":
                reset = self.auth.reset_password(token=token, new_password=new)
                code, _ = self.attempt(reset)
                expected = self.life.reset_password(link, new, now)
            case "invitation":
                code, user = self.attempt(self.auth.accept_invitation(token=token, password=new))
                expected = self.life.accept_invitation(link, new, now)
                if user:
                    self.ids[id(self.life.accounts[-1])] = user.id
            case _:
                code, _ = self.attempt(self.auth.confirm_email_change(token))
                expected = self.life.confirm_email_change(link, now)

        assert code == expected
