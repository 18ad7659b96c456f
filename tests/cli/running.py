"""The type of the fixture `command`, and users in the database of the folder."""

import asyncio
from collections.abc import Callable

from tokenpair import Auth
from tokenpair.testing import PASSWORD

Command = Callable[..., tuple[int, str, str]]


def with_auth(*addresses: str) -> None:
    """Sign up users in the database of the folder."""

    async def run() -> None:
        async with Auth.from_settings() as auth:
            for address in addresses:
                await auth.sign_up(email=address, password=PASSWORD)

    asyncio.run(run())
