from collections.abc import AsyncIterator, Iterator

import pytest

from bench.databases import Databases
from bench.run import Run
from bench.server import Server, serve


@pytest.fixture(scope="session")
def databases() -> Iterator[Databases]:
    """Make databases for the bench; PostgreSQL starts when a group needs it."""
    with Databases() as databases:
        yield databases


@pytest.fixture
def run(databases: Databases) -> Run:
    """Options of the shortest run."""
    return Run(rounds=1, seconds=0.2, sessions=200, databases=databases)


@pytest.fixture
async def server(databases: Databases) -> AsyncIterator[Server]:
    async with serve(databases.sqlite()) as server:
        yield server
