"""The type of the fixture `command`, and users in the database of the folder."""

import asyncio
from collections.abc import Callable

from tokenpair import Auth
from tokenpair.testing import PASSWORD

Command = Callable[..., tuple[int, str, str]]

IN_FRONT = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
"""Python that heeds Ctrl-C again: tests that run in the background inherit that it is ignored."""


def with_auth(*addresses: str) -> None:
    """Sign up users in the database of the folder."""

    async def run() -> None:
        async with Auth.from_settings() as auth:
            for address in addresses:
                await auth.sign_up(email=address, password=PASSWORD)

    asyncio.run(run())
