"""A mailer with its storage, clock, inbox and events, for tests of the delivery."""

import secrets
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any
from uuid import UUID

from tokenpair import MailOptions, MailPurpose, Message, User
from tokenpair.alarm import Alarm
from tokenpair.core.accounts.user import StoredUser
from tokenpair.core.events import Event
from tokenpair.core.mail import OutboxMail, new_mail
from tokenpair.ids import uuid7
from tokenpair.lifecycle import Lifecycle, OpenStorage
from tokenpair.mail.mailer import Mailer
from tokenpair.ports import Clock, MailSender, Storage
from tokenpair.stores.memory import MemoryStorage
from tokenpair.testing import FakeClock, Inbox
from tokenpair.testing.store_contract import make_user

ISSUER = "https://auth.test"


class Faulty(Inbox):
    """An inbox that raises the given errors first, one for each attempt."""

    def __init__(self, *errors: BaseException | None) -> None:
        super().__init__()
        self.errors = list(errors)
        self.tried: list[Message] = []

    async def send(self, message: Message) -> None:
        self.tried.append(message)
        if self.errors and (error := self.errors.pop(0)):
            raise error
        await super().send(message)


@dataclass
class Office:
    """One worker's delivery."""

    storage: Storage = field(default_factory=MemoryStorage)
    clock: Clock = field(default_factory=FakeClock)
    sender: MailSender = field(default_factory=Inbox)
    options: MailOptions = field(default_factory=MailOptions)
    events: list[Event] = field(default_factory=list)
    alarm: Alarm = field(default_factory=Alarm)

    def __post_init__(self) -> None:
        lifecycle = Lifecycle(development=True)
        lifecycle.open()
        self.mailer = Mailer(
            options=replace(self.options, sender=self.options.sender or self.sender),
            alarm=self.alarm,
            issuer=ISSUER,
            storage=OpenStorage(
                self.storage,
                lifecycle,
                notify=self.events.append,
                notify_of_mail=self.alarm.ring,
            ),
            clock=self.clock,
            random=secrets.token_bytes,
        )

    async def a_user(self, **changes: Any) -> User:
        user = make_user(**changes)
        async with self.storage.begin() as tx:
            await tx.users.add(StoredUser(user=user))
        return user

    async def queue(
        self, user: User | UUID, purpose: MailPurpose = MailPurpose.VERIFY_EMAIL, **changes: Any
    ) -> OutboxMail:
        """Put a mail into the outbox, as the flows do."""
        user_id, address = user, "eve@example.com"
        if isinstance(user, User):
            user_id, address = user.id, user.email.typed
        assert isinstance(user_id, UUID)
        mail = replace(new_mail(purpose, user_id, address, self.clock(), uuid7()), **changes)
        async with self.mailer.storage.begin() as tx:
            await tx.outbox.add(mail)
        return mail

    async def deliver(self) -> list[Message]:
        """Deliver what is due; return what has arrived since the last call."""
        await self.mailer.loop.drain()
        assert isinstance(self.sender, Inbox)
        messages, self.sender.messages = self.sender.messages, []
        return messages

    async def waiting(self) -> int:
        """Return the number of mails in the outbox, claimed or not."""
        async with self.storage.reading() as look:
            return len(await look.outbox.due(self.clock() + timedelta(days=9), limit=100))
