"""`tokenpair db`: the library's tables."""

import asyncio
from argparse import ArgumentParser
from datetime import timedelta

from tokenpair.backends import database_url as url_of
from tokenpair.cli.command import Command, Group, number
from tokenpair.cli.database import database_url_option, read_settings, with_storage
from tokenpair.settings.fields import TEN_YEARS
from tokenpair.stores.sql import SqlStorage


def upgrade(*, database_url: str | None) -> None:
    """Bring the tables up to date. Safe to repeat, and to run on several machines at once."""
    storage = SqlStorage.from_url(url_of(read_settings(database_url)))

    async def run() -> None:
        try:
            await storage.open(migrate=True)
        finally:
            await storage.close()

    asyncio.run(run())
    print(f"The tables of {storage.name} are up to date.")


def access_lifetime(*, seconds: int | None, database_url: str | None) -> None:
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

    found = with_storage(read_settings(database_url), run)
    print("no worker has started yet" if found is None else f"{found.total_seconds():.0f} seconds")


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
        Command("upgrade", upgrade, [database_url_option]),
        Command("access-lifetime", access_lifetime, [_seconds_argument, database_url_option]),
    ],
)
