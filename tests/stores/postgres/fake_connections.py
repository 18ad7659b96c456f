"""Renewals and connections for tests of what sends them, without a database."""

import asyncio
from collections.abc import Sequence
from typing import Any

from tokenpair.stores.sql.postgres.statements import RENEW_MANY, Arguments

SESSION = 5
"""Place of the session's id among the parameters."""


class Connections:
    """Connections whose statements end when the test says so."""

    def __init__(self) -> None:
        self.sent: list[list[Arguments]] = []
        self.ends: list[asyncio.Future[list[Any]]] = []

    async def fetch(self, text: str, arguments: Sequence[Any]) -> list[Any]:
        self.sent.append(
            list(zip(*arguments, strict=True)) if text == RENEW_MANY else [tuple(arguments)]
        )
        end: asyncio.Future[list[Any]] = asyncio.get_running_loop().create_future()
        self.ends.append(end)
        return await end

    def succeed(self, number: int, *, without: Sequence[Arguments] = ()) -> None:
        """End a statement. It has changed all sessions but those of some, in any order."""
        batch = self.sent[number]
        rows = [(each[0], place) for place, each in enumerate(batch, 1) if each not in without]
        self.ends[number].set_result([row[:1] for row in rows] if len(batch) == 1 else rows[::-1])

    def fail(self, number: int, error: BaseException) -> None:
        self.ends[number].set_exception(error)


def a_renewal(name: str, *, session: str = "") -> Arguments:
    arguments = [name, *"abcdefgh"]
    arguments[SESSION] = session or name
    return tuple(arguments)


async def a_moment() -> None:
    """Let every task run until it waits."""
    for _ in range(10):
        await asyncio.sleep(0)
