"""An `Auth` with a wake-up that cannot be closed."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from tests.feed.doubles import (
    Bell,
    SharedStorage,
    until,
)
from tests.waiting import limit
from tokenpair import Auth, FeedOptions, Key, Keyring
from tokenpair.ports import Storage


class ClosingStorage(SharedStorage):
    """One that remembers that it was closed."""

    is_closed = False

    async def close(self) -> None:
        self.is_closed = True


class BadBell(Bell):
    """One that is closed as it is told, which may be never."""

    def __init__(self, farewell: Callable[[], Awaitable[None]]) -> None:
        super().__init__()
        self.farewell = farewell
        self.is_closing = False

    async def close(self) -> None:
        self.is_closing = True
        await self.farewell()


async def refuse() -> None:
    raise ConnectionResetError


async def never_end() -> None:
    await asyncio.Event().wait()


def with_bell(storage: Storage, bell: Bell) -> Auth:
    keyring = Keyring([Key.generate()])
    return Auth(
        storage=storage,
        keyring=keyring,
        issuer="https://auth.test",
        feed_options=FeedOptions(wake_up=bell),
    )


@pytest.mark.parametrize("farewell", [refuse, never_end])
async def test_whatever_becomes_of_its_bell_the_storage_is_closed(
    farewell: Callable[[], Awaitable[None]],
) -> None:
    storage = ClosingStorage()
    auth = with_bell(storage, BadBell(farewell))
    await auth.open()

    async with limit():
        await auth.close()

    assert storage.is_closed


async def test_a_cancelled_close_closes_the_storage() -> None:
    """As a server does with a worker that does not stop."""
    storage, bell = ClosingStorage(), BadBell(never_end)
    auth = with_bell(storage, bell)
    await auth.open()
    closing = asyncio.create_task(auth.close())
    await until(lambda: bell.is_closing)

    closing.cancel()
    await asyncio.wait([closing])

    assert storage.is_closed
