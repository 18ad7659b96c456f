"""One server for the tests of a file. Its clock only moves forward."""

from collections.abc import Iterator

import pytest

from tests.client.world import World, running


@pytest.fixture(scope="module")
def server() -> Iterator[World]:
    with running() as world:
        yield world


@pytest.fixture
def world(server: World) -> World:
    """Return the server as if nothing had happened yet."""
    for happened in (server.spoils, server.asked, server.slept):
        happened.clear()
    server.is_lost = bool
    return server
