from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers import PostgresServer, postgres
from tests.valkey import ValkeyServer, valkey


@pytest.fixture(scope="session")
def busy_server() -> Iterator[PostgresServer]:
    """Start a PostgreSQL with room for many workers; each may open dozens of connections."""
    with postgres(settings={"max_connections": "400"}) as server:
        yield server


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the data folder that all Booklys of a test module share."""
    return tmp_path_factory.mktemp("bookly")


@pytest.fixture
def busy_url(busy_server: PostgresServer) -> Iterator[str]:
    """Make an empty database for one test."""
    url = busy_server.create_database()
    yield url
    busy_server.drop_database(url)


@pytest.fixture(scope="session")
def valkey_server() -> Iterator[ValkeyServer]:
    """Start one server for the whole run, when the first test needs it."""
    with valkey() as server:
        yield server
