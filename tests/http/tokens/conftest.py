"""Fixtures for forged tokens."""

import httpx2
import pytest

from tests.http.conftest import (
    Bench,
)
from tests.http.tokens.forging import Gate


@pytest.fixture
def gate(client: httpx2.AsyncClient, access_bench: Bench, refresh_bench: Bench) -> Gate:
    return Gate(client, access_bench, refresh_bench)
