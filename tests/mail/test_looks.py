"""Looks at the outbox that take time: what ends or begins meanwhile is neither lost nor started."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from tests.mail.office import Office
from tests.waiting import limit
from tokenpair import MailPurpose
from tokenpair.alarm import Alarm
from tokenpair.ids import uuid7
from tokenpair.mail.loop import MailLoop
from tokenpair.ports import Storage, UnitOfWork


@dataclass
class SlowStorage:
    """A storage whose reads wait for `may_respond`."""

    inner: Storage
    read_began: asyncio.Event = field(default_factory=asyncio.Event)
    may_respond: asyncio.Event = field(default_factory=asyncio.Event)
    has_ended: bool = False

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[UnitOfWork]:
        self.read_began.set()
        await self.may_respond.wait()
        async with self.inner.reading() as look:
            yield look
        self.has_ended = True


async def test_a_look_that_is_under_way_ends_first_and_starts_nothing() -> None:
    office = Office()
    await office.queue(uuid7(), MailPurpose.INVITATION)
    deliver = office.mailer.deliver
    slow: Any = SlowStorage(deliver.storage)
    loop = MailLoop(replace(deliver, storage=slow), Alarm())

    async with limit():
        looking = asyncio.create_task(loop.look())
        await slow.read_began.wait()
        stopping = asyncio.create_task(loop.stop())
        asyncio.get_running_loop().call_soon(slow.may_respond.set)
        await stopping
        has_ended = slow.has_ended
        await looking

    assert has_ended
    assert len(await office.deliver()) == 1  # The mail still waits.


@dataclass
class LateStorage:
    """A storage whose reads return when no mail is being sent any more."""

    inner: Storage
    loop: MailLoop | None = None

    def begin(self) -> AbstractAsyncContextManager[UnitOfWork]:
        return self.inner.begin()

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[UnitOfWork]:
        async with self.inner.reading() as look:
            yield look
        assert self.loop
        while self.loop._running:
            await asyncio.sleep(0)


async def test_a_mail_that_waited_for_another_is_not_forgotten_if_that_ends_during_a_look() -> None:
    office = Office()
    ada = await office.a_user()
    for _ in range(2):
        await office.queue(ada, MailPurpose.PASSWORD_CHANGED)
    late: Any = LateStorage(office.mailer.deliver.storage)
    late.loop = MailLoop(replace(office.mailer.deliver, storage=late), Alarm())

    async with limit():
        await late.loop.drain()

    assert await office.waiting() == 0
    assert len(await office.deliver()) == 2
