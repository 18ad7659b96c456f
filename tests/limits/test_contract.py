"""The counters that belong to no storage pass the contract, too."""

from collections.abc import AsyncIterator, Iterator

import pytest

from tests.valkey import ValkeyServer, valkey
from tokenpair.limits.valkey import ValkeyLimits
from tokenpair.ports import LimitCounters
from tokenpair.testing.store_contract import LimitsContract


@pytest.fixture(scope="module")
def server() -> Iterator[ValkeyServer]:
    with valkey() as server:
        yield server


class TestValkey(LimitsContract):
    @pytest.fixture
    async def limits(self, server: ValkeyServer) -> AsyncIterator[LimitCounters]:
        limits = ValkeyLimits(server.url)
        yield limits
        await limits.close()
