"""The counters that belong to no storage pass the contract, too."""

from collections.abc import AsyncIterator, Iterator

import pytest
from pydantic import SecretStr

from tests.valkey import ValkeyServer, valkey
from tokenpair import Settings
from tokenpair.backends import make_limits
from tokenpair.core.limits import SIGN_UP, Place, Refused
from tokenpair.limits.valkey import ValkeyLimits
from tokenpair.ports import LimitCounters
from tokenpair.testing.store_contract import NOW, LimitsContract


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

    async def test_two_apps_on_one_valkey_share_no_counters(self, server: ValkeyServer) -> None:
        first, second = (
            make_limits(
                Settings(
                    base_url=f"https://{name}.example.com",
                    valkey_url=SecretStr(server.url),
                    limits="valkey",
                )
            )
            for name in ("a", "b")
        )
        assert isinstance(first, ValkeyLimits)
        assert isinstance(second, ValkeyLimits)
        place = Place(limit=SIGN_UP, key=b"the same account")
        for _ in range(SIGN_UP.count):
            await first.reserve([place], NOW)

        assert isinstance(await first.reserve([place], NOW), Refused)
        assert not isinstance(await second.reserve([place], NOW), Refused)
        await first.close()
        await second.close()
