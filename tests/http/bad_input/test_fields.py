"""Invalid, missing and unknown fields of an account, and of its profile."""

import json

import httpx2
import pytest

from tests.http.bad_input.sending import (
    CANARY,
    assert_no_echo,
    body,
    both_endpoints,
    send,
)
from tests.http.conftest import told

VALUES: dict[str, object] = {
    "null": None,
    "number": 1,
    "float": 1.5,
    "true": True,
    "list": [CANARY],
    "object": {CANARY: CANARY},
    "list_of_lists": [[CANARY]],
    "lone_surrogate": CANARY + "\ud800",
    "lone_low_surrogate": "\udfff" + CANARY,
    "nul": CANARY + "\0",
    "long": CANARY * 200,
}


@both_endpoints
@pytest.mark.parametrize("field", ["email", "password"])
@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES.keys())
async def test_a_value_of_the_wrong_kind_is_refused_and_not_repeated(
    client: httpx2.AsyncClient,
    caplog: pytest.LogCaptureFixture,
    path: str,
    field: str,
    value: object,
) -> None:
    """W9, W11."""
    response = await send(client, path, json.dumps(body(**{field: value})).encode())

    assert told(response) == (422, "invalid_input")
    assert [error["field"] for error in response.json()["errors"]] == [field]
    assert_no_echo(response, caplog)


@both_endpoints
async def test_a_wrong_password_is_never_repeated(
    client: httpx2.AsyncClient, caplog: pytest.LogCaptureFixture, path: str
) -> None:
    """W11."""
    response = await client.post(path, json=body(password=CANARY))

    assert response.status_code in {401, 422}
    assert_no_echo(response, caplog)


@both_endpoints
@pytest.mark.parametrize("missing", ["email", "password"])
async def test_with_a_field_missing_the_rest_is_not_repeated(
    client: httpx2.AsyncClient, caplog: pytest.LogCaptureFixture, path: str, missing: str
) -> None:
    """W11."""
    sent = {"email": f"{CANARY}@example.com", "password": CANARY * 3}
    del sent[missing]

    response = await client.post(path, json=sent)

    assert response.json()["errors"] == [{"field": missing, "reason": "is required"}]
    assert_no_echo(response, caplog)


@both_endpoints
@pytest.mark.parametrize(
    "name", ["role", "roles", "is_verified", "id", "scope", "__proto__", "username", "x" * 64]
)
async def test_an_unknown_field_is_refused_and_named(
    client: httpx2.AsyncClient, caplog: pytest.LogCaptureFixture, path: str, name: str
) -> None:
    """T6."""
    response = await client.post(path, json=body(**{name: CANARY}))

    assert told(response) == (422, "invalid_input")
    assert response.json()["errors"] == [{"field": name, "reason": "is an unknown field"}]
    assert_no_echo(response, caplog)


@both_endpoints
@pytest.mark.parametrize(
    "name",
    [
        "",
        f"{CANARY}-",
        f"{CANARY} ",
        f"{CANARY}\n",
        f"7{CANARY}",
        f"{CANARY}\u00e9",
        f"{CANARY}\ud800",
        f"{CANARY}\0",
        CANARY * 500,
        f"email.{CANARY}",
        CANARY.ljust(65, "x"),
    ],
)
async def test_the_name_of_an_unknown_field_is_not_repeated(
    client: httpx2.AsyncClient, caplog: pytest.LogCaptureFixture, path: str, name: str
) -> None:
    """W11."""
    response = await send(client, path, json.dumps(body(**{name: 1})).encode())

    assert told(response) == (422, "invalid_input")
    assert [each["field"] for each in response.json()["errors"]] == ["body"]
    assert_no_echo(response, caplog)
