"""A worker that stops leaves no look at the outbox half done, and starts no delivery."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
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
