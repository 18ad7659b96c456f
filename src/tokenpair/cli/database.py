"""The database of a command: the option `--database-url`, and the storage, opened."""

import argparse
import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from tokenpair.backends import database_url
from tokenpair.settings import PREFIX, Settings
from tokenpair.stores.sql import SqlStorage

Result = TypeVar("Result")


def database_url_option(parser: argparse.ArgumentParser) -> None:
    """Add the option."""
    parser.add_argument(
        "--database-url",
        type=_url,
        metavar="URL",
        help=f"The database, postgresql://… or sqlite:///…, in place of {PREFIX}DATABASE_URL.",
    )


def read_settings(database_url: str | None) -> Settings:
    """Read the settings, with this database if there is one. Raises `ConfigurationError`."""
    return Settings.read(database_url=database_url) if database_url else Settings.read()


def with_storage(settings: Settings, run: Callable[[SqlStorage], Awaitable[Result]]) -> Result:
    """Run something with the storage open. It must exist: a new one would be the wrong one."""
    storage = SqlStorage.from_url(database_url(settings, must_exist=True))

    async def opened() -> Result:
        try:
            await storage.open(migrate=False)
            return await run(storage)
        finally:
            await storage.close()

    return asyncio.run(opened())


def _url(text: str) -> str:
    # An empty value is most likely an unset variable of a script.
    if not text.strip():
        raise argparse.ArgumentTypeError("is empty; write a URL")
    return text
