from collections.abc import Iterator

import pytest

from tests.servers import PostgresServer, postgres
from tests.valkey import ValkeyServer, valkey


@pytest.fixture(scope="session")
def anyio_backend() -> tuple[str, dict[str, bool]]:
    return "asyncio", {"use_uvloop": False}


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """Start one server for the whole run, when the first test asks for it."""
    with postgres() as server:
        yield server


@pytest.fixture
def postgres_url(postgres_server: PostgresServer) -> Iterator[str]:
    """Make an empty database for one test; the URL names no driver (`postgresql://`)."""
    url = postgres_server.create_database()
    yield url
    postgres_server.drop_database(url)


@pytest.fixture(scope="session")
def valkey_server() -> Iterator[ValkeyServer]:
    """Start one server for the whole run, when the first test asks for it."""
    with valkey() as server:
        yield server
