"""The database or the storage that a fixture's parameter names: "memory", "sqlite", "postgres"."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.waiting import LIMIT_SECONDS
from tokenpair.ports import Storage
from tokenpair.stores.memory import MemoryStorage
from tokenpair.stores.sql import SqlStorage, Timeouts

PATIENT = Timeouts(
    **dict.fromkeys(("connect", "pool", "unit", "lock", "read"), LIMIT_SECONDS),
    **dict.fromkeys(("renewal", "renewal_statement", "response", "close"), LIMIT_SECONDS),
)
"""Time limits that a slow machine does not reach, where a test is not about them.

The wait on a shared connection, `lane`, stays short: other renewals wait for it.
"""


def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return the URL of an empty database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/test.db"
    url: str = request.getfixturevalue("postgres_url")
    return url


def make_storage(request: pytest.FixtureRequest, tmp_path: Path) -> Storage:
    """Return an empty storage that is not open."""
    if request.param == "memory":
        return MemoryStorage()
    return SqlStorage.from_url(database_url(request, tmp_path))


@asynccontextmanager
async def open_storage(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Storage]:
    """Open an empty storage for the block."""
    storage = make_storage(request, tmp_path)
    await storage.open(migrate=True)
    yield storage
    await storage.close()
