"""The promises of `ports.Storage` as tests, for whoever writes a storage.

Subclass `StorageContract`, provide the fixture `storage`, and run pytest::

    class TestMyStorage(StorageContract):
        @pytest.fixture
        async def storage(self) -> AsyncIterator[Storage]:
            storage = MyStorage()
            await storage.open(migrate=True)
            yield storage
            await storage.close()

Each test gets an open storage that holds nothing. The tests are async, and anyio's pytest
plugin runs them; nothing need be configured, as long as its backend is asyncio.
`pytest.register_assert_rewrite("tokenpair.testing.store_contract")`, called in a conftest.py before
anything imports this module, makes failures speak.

The functions beside the class make users, sessions and tokens for tests of your own.
"""

from collections.abc import AsyncIterator

import pytest

from tokenpair.ports import Storage
from tokenpair.testing.store_contract.events import EventPromises
from tokenpair.testing.store_contract.feed import FeedPromises
from tokenpair.testing.store_contract.prune import PrunePromises
from tokenpair.testing.store_contract.renewals import RenewalPromises
from tokenpair.testing.store_contract.samples import (
    FORGIVING,
    HASH,
    NOW,
    SECRET,
    STRICT,
    keep,
    make_session,
    make_token,
    make_user,
    read_password_hash,
    read_session,
    read_user,
)
from tokenpair.testing.store_contract.sessions import SessionPromises
from tokenpair.testing.store_contract.users import UserPromises
from tokenpair.testing.store_contract.work import WorkPromises

__all__ = [
    "FORGIVING",
    "HASH",
    "NOW",
    "SECRET",
    "STRICT",
    "StorageContract",
    "keep",
    "make_session",
    "make_token",
    "make_user",
    "read_password_hash",
    "read_session",
    "read_user",
]


class StorageContract(
    UserPromises,
    SessionPromises,
    WorkPromises,
    EventPromises,
    RenewalPromises,
    FeedPromises,
    PrunePromises,
):
    """Every promise of `ports.Storage`. A subclass provides the fixture `storage`."""

    pytestmark = pytest.mark.anyio

    @pytest.fixture
    async def storage(self) -> AsyncIterator[Storage]:
        """Give an open storage that holds nothing, and close it afterwards."""
        raise NotImplementedError
        yield  # noqa: PT022  It shows the shape.
