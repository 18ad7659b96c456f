"""Doubles that a test drives: a storage that other workers write to, a clock and a wake-up."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import timedelta
from uuid import UUID

from tests.waiting import limit
from tokenpair import AccessClaims
from tokenpair.core.sessions.revocation import KEPT, MARGIN, Revocation
from tokenpair.core.tokens.lifetimes import ACCESS
from tokenpair.errors import SessionEnded, StaleToken, Unavailable
from tokenpair.feed import Feed
from tokenpair.ports import FeedPage, FeedPosition
from tokenpair.stores.memory import MemoryStorage

FOR_EVER = timedelta(days=1)


MINUTE = timedelta(minutes=1)


LASTING = (ACCESS + MARGIN).total_seconds()


class SharedStorage(MemoryStorage):
    """A storage that other workers write to. A test can cut it off, and make it miss entries."""

    is_private = False

    def __init__(self) -> None:
        super().__init__()
        self.is_away = False
        self.overlooked: set[UUID] = set()
        self.looks = 0

    def listen(self, listener: Callable[[Sequence[Revocation]], None]) -> None:
        """Call no listener: all that is recorded here comes from another process."""

    async def read_feed(self, position: FeedPosition | None, *, reload: bool = False) -> FeedPage:
        self.looks += 1
        if self.is_away:
            raise Unavailable("cut off")
        page = await super().read_feed(position, reload=reload)
        if reload:
            return page
        kept = [each for each in page.entries if each.session_id not in self.overlooked]
        return FeedPage(entries=kept, position=page.position, now=page.now)


class LateStorage(SharedStorage):
    """Another storage, some time later: a reload returns only what is in force by then."""

    def __init__(self, storage: SharedStorage) -> None:
        super().__init__()
        self.storage = storage
        self.by = timedelta(0)

    async def read_feed(self, position: FeedPosition | None, *, reload: bool = False) -> FeedPage:
        page = await self.storage.read_feed(position, reload=reload)
        now = page.now + self.by
        kept = KEPT if position is None else timedelta(0)
        entries = [each for each in page.entries if each.until > now - kept]
        return FeedPage(entries=entries, position=page.position, now=now)


class SlowStorage(SharedStorage):
    """Another storage, with delayed answers: they show the state at the time of the question."""

    def __init__(self, storage: SharedStorage) -> None:
        super().__init__()
        self.storage = storage
        self.answer = asyncio.Event()
        self.asked = 0

    async def read_feed(self, position: FeedPosition | None, *, reload: bool = False) -> FeedPage:
        self.asked += 1
        page = await self.storage.read_feed(position, reload=reload)
        await self.answer.wait()
        return page


class Seconds:
    """A monotonic clock that only a test moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Bell:
    """A `WakeUp` that a test rings, and can break."""

    def __init__(self) -> None:
        self.rung = asyncio.Event()
        self.is_broken = False
        self.woken = 0
        self.attempts = 0

    async def notify(self) -> None:
        if self.is_broken:
            raise Unavailable("no bell")
        self.woken += 1

    async def notifications(self) -> AsyncIterator[None]:
        self.attempts += 1
        if self.is_broken:
            raise Unavailable("no bell")
        yield
        while True:
            await self.rung.wait()
            self.rung.clear()
            yield

    async def close(self) -> None: ...


def is_revoked(feed: Feed, claims: AccessClaims) -> bool:
    try:
        feed.require_unrevoked(claims)
    except (SessionEnded, StaleToken):
        return True
    return False


async def until(condition: Callable[[], bool]) -> None:
    async with limit():
        while not condition():
            await asyncio.sleep(0)


async def ask(feed: Feed, claims: AccessClaims) -> None:
    """Check as a request does."""
    try:
        feed.require_unrevoked(claims)
    except Unavailable:
        await feed.catch_up()
        feed.require_unrevoked(claims)
