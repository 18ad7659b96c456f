"""`tokenpair db`: the library's tables."""

import asyncio

from tokenpair.assembly import make_storage
from tokenpair.cli.command import Command, Group
from tokenpair.settings import Settings


def upgrade() -> None:
    """Bring the tables up to date. Doing it twice is fine, also from two machines at once."""

    async def run() -> None:
        settings = Settings.read()
        storage = make_storage(settings)
        try:
            await storage.open(migrate=True, access=settings.lifetimes.access)
        finally:
            await storage.close()

    asyncio.run(run())
    print("The tables are up to date.")


GROUP = Group("db", "The library's tables.", [Command("upgrade", upgrade)])
