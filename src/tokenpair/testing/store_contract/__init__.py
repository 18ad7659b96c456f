"""Tests that every storage must pass: the contract of `ports.Storage`.

Subclass `StorageContract`, provide the fixture `storage`, and run pytest::

    class TestMyStorage(StorageContract):
        @pytest.fixture
        async def storage(self) -> AsyncIterator[Storage]:
            storage = MyStorage()
            await storage.open(migrate=True)
            yield storage
            await storage.close()

Each test gets an open, empty storage. The tests are async: anyio's pytest plugin runs them on
asyncio, its default. Call `pytest.register_assert_rewrite("tokenpair.testing.store_contract")` in a
conftest.py before the first import of this module, and failures show the values that differ.

The functions beside the class make users, sessions and tokens for your own tests.
"""

from collections.abc import AsyncIterator

import pytest

from tokenpair.ports import LimitCounters, Storage
from tokenpair.testing.store_contract.credentials import CredentialPromises
from tokenpair.testing.store_contract.events import EventPromises
from tokenpair.testing.store_contract.export import ExportPromises
from tokenpair.testing.store_contract.feed import FeedPromises
from tokenpair.testing.store_contract.limits import LimitPromises, LimitsContract
from tokenpair.testing.store_contract.one_time import OneTimePromises
from tokenpair.testing.store_contract.outbox import OutboxPromises
from tokenpair.testing.store_contract.prune import PrunePromises
from tokenpair.testing.store_contract.reauthentication import ReauthenticationPromises
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
from tokenpair.testing.store_contract.user_locks import UserLockPromises
from tokenpair.testing.store_contract.users import UserPromises
from tokenpair.testing.store_contract.work import WorkPromises

__all__ = [
    "FORGIVING",
    "HASH",
    "NOW",
    "SECRET",
    "STRICT",
    "LimitsContract",
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
    UserLockPromises,
    CredentialPromises,
    SessionPromises,
    WorkPromises,
    EventPromises,
    ExportPromises,
    RenewalPromises,
    ReauthenticationPromises,
    OneTimePromises,
    OutboxPromises,
    FeedPromises,
    PrunePromises,
    LimitPromises,
):
    """All tests of the contract. A subclass provides the fixture `storage`."""

    pytestmark: pytest.MarkDecorator = pytest.mark.anyio

    @pytest.fixture
    async def storage(self) -> AsyncIterator[Storage]:
        """Yield an open, empty storage, and close it afterwards."""
        raise NotImplementedError
        yield  # noqa: PT022  Shows the shape to a subclass.

    @pytest.fixture
    def limits(self, storage: Storage) -> LimitCounters:
        """Return the storage's counters of rate limits."""
        return storage.limits
