from collections.abc import Iterator

import pytest

from tests.servers import PostgresServer, postgres


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
