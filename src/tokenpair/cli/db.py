"""`tokenpair db`: the library's tables."""

import asyncio
from argparse import ArgumentParser
from collections.abc import Awaitable, Callable
from datetime import timedelta

from tokenpair.assembly import database_url, make_storage
from tokenpair.cli.command import Command, Group, number
from tokenpair.settings import TEN_YEARS, Settings
from tokenpair.stores.sql import SqlStorage


def upgrade() -> None:
    """Bring the tables up to date. Doing it twice is fine, also from two machines at once."""

    async def run() -> None:
        storage = make_storage(Settings.read())
        try:
            await storage.open(migrate=True)
        finally:
            await storage.close()

    asyncio.run(run())
    print("The tables are up to date.")


def access_lifetime(*, seconds: int | None) -> None:
    """Show the longest access lifetime in use, or set it to SECONDS.

    It decides how long a revocation is in force. Workers raise it to their own
    TOKENPAIR_ACCESS_SECONDS when they start, and only this command lowers it. Before you lower it,
    restart every worker with the shorter lifetime, and wait until the last token of the longer one
    has expired: a token that outlives the revocation of its session is valid again.
    """

    async def run(storage: SqlStorage) -> timedelta | None:
        if seconds is not None:
            await storage.set_access_lifetime(timedelta(seconds=seconds))
        return await storage.access_lifetime()

    found = asyncio.run(_with_storage(run))
    print("no worker has started yet" if found is None else f"{found.total_seconds():.0f} seconds")


async def _with_storage(
    run: Callable[[SqlStorage], Awaitable[timedelta | None]],
) -> timedelta | None:
    storage = SqlStorage.from_url(database_url(Settings.read(), must_exist=True))
    try:
        await storage.open(migrate=False)
        return await run(storage)
    finally:
        await storage.close()


def _seconds_argument(parser: ArgumentParser) -> None:
    parser.add_argument(
        "seconds",
        nargs="?",
        type=number(1, TEN_YEARS),
        metavar="SECONDS",
        help="The new value: the longest TOKENPAIR_ACCESS_SECONDS of all workers.",
    )


GROUP = Group(
    "db",
    "The library's tables.",
    [
        Command("upgrade", upgrade),
        Command("access-lifetime", access_lifetime, [_seconds_argument]),
    ],
)
