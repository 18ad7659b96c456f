"""Connections on which statements are prepared, without a database."""

import asyncio
from typing import Any

import asyncpg
import pytest

from tests.stores.postgres.fake_connections import a_moment
from tests.waiting import limit
from tokenpair.stores.sql.postgres.prepared import PreparedConnections
from tokenpair.stores.sql.timeouts import DEFAULT_TIMEOUTS


class Connector:
    """Opens one connection, which is itself. It prepares a statement when the test says so."""

    def __init__(self) -> None:
        self.prepared: asyncio.Future[Connector] = asyncio.get_running_loop().create_future()
        self.sent = 0
        self.is_terminated = False

    async def connect(self, *_settings: str) -> "Connector":
        return self

    async def prepare(self, _text: str) -> "Connector":
        return await self.prepared

    async def fetch(self, *_arguments: object, timeout: float) -> list[Any]:  # noqa: ASYNC109  asyncpg's.
        assert timeout == DEFAULT_TIMEOUTS.response
        self.sent += 1
        return []

    def terminate(self) -> None:
        self.is_terminated = True


def connections_of(connector: Connector) -> PreparedConnections:
    return PreparedConnections(
        connector,  # type: ignore[arg-type]  # A fake.
        DEFAULT_TIMEOUTS,
        settings=[],
        texts=["SELECT 1"],
    )


@pytest.mark.parametrize("is_ready", [False, True], ids=["not prepared yet", "just prepared"])
async def test_a_connection_that_is_opened_while_they_are_closed_is_not_used(
    *, is_ready: bool
) -> None:
    connector = Connector()
    connections = connections_of(connector)
    fetching = asyncio.create_task(connections.fetch("SELECT 1", []))
    await a_moment()

    if is_ready:
        connector.prepared.set_result(connector)
    async with limit():
        await connections.close()
        with pytest.raises((asyncpg.InterfaceError, TimeoutError)):
            await fetching

    assert connector.sent == 0
    assert connector.is_terminated
