"""Bodies with a canary in them, and the check that no answer and no log line repeats it."""

import json

import httpx2
import pytest

from tokenpair.testing import PASSWORD

CANARY = "canary7f3a"


ENDPOINTS = ["/auth/signup", "/auth/login"]


both_endpoints = pytest.mark.parametrize("path", ENDPOINTS)


def assert_no_echo(response: httpx2.Response, caplog: pytest.LogCaptureFixture) -> None:
    said = response.text + str(response.headers) + caplog.text
    assert CANARY not in said.lower()
    assert not any(CANARY in str(vars(record)).lower() for record in caplog.records)


def body(**changes: object) -> dict[str, object]:
    return {"email": "ada@example.com", "password": PASSWORD} | changes


async def send(
    client: httpx2.AsyncClient, path: str, content: bytes, content_type: str = "application/json"
) -> httpx2.Response:
    return await client.post(path, content=content, headers={"Content-Type": content_type})


JSON = json.dumps(body(password=CANARY * 3))
