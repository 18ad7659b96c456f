"""Invalid, missing and unknown fields of an account, and of its profile.

The ids (W9, T6 ...) are rows of docs/explanation/security.md.
"""

import json

import httpx2
import pytest

from tests.http.bad_input.sending import (
    CANARY,
    Target,
    assert_no_echo,
    each_endpoint,
    each_field,
    each_required_field,
    send,
)
from tests.http.conftest import told

VALUES: dict[str, object] = {
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


@each_field
@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES.keys())
async def test_a_value_of_the_wrong_kind_is_refused_and_not_repeated(
    shared_client: httpx2.AsyncClient,
    caplog: pytest.LogCaptureFixture,
    target: Target,
    field: str,
    value: object,
) -> None:
    """W9, W11."""
    response = await send(shared_client, target, json.dumps(target.body | {field: value}))

    assert_no_echo(response, caplog)
    if field == "token" and value == VALUES["long"]:
        # A long text is a valid string, so it is checked as a token.
        assert told(response) == (400, "mail_token_invalid")
        return
    assert told(response) == (422, "invalid_input")
    assert [error["field"] for error in response.json()["errors"]] == [field]


@each_required_field
async def test_null_is_refused_for_a_required_field(
    shared_client: httpx2.AsyncClient, caplog: pytest.LogCaptureFixture, target: Target, field: str
) -> None:
    response = await send(shared_client, target, json.dumps(target.body | {field: None}))

    assert told(response) == (422, "invalid_input")
    assert [error["field"] for error in response.json()["errors"]] == [field]
    assert_no_echo(response, caplog)


@each_field
async def test_a_wrong_value_is_never_repeated(
    shared_client: httpx2.AsyncClient, caplog: pytest.LogCaptureFixture, target: Target, field: str
) -> None:
    """W11."""
    response = await send(shared_client, target, json.dumps(target.body | {field: CANARY}))

    assert response.status_code < 500
    assert_no_echo(response, caplog)


@each_required_field
async def test_with_a_field_missing_the_rest_is_not_repeated(
    shared_client: httpx2.AsyncClient, caplog: pytest.LogCaptureFixture, target: Target, field: str
) -> None:
    """W11."""
    sent = dict.fromkeys(target.body, CANARY * 3) | {"email": f"{CANARY}@example.com"}
    sent = {name: value for name, value in sent.items() if name in target.body and name != field}

    response = await send(shared_client, target, json.dumps(sent))

    assert {"field": field, "reason": "is required"} in response.json()["errors"]
    assert_no_echo(response, caplog)


@each_endpoint
@pytest.mark.parametrize(
    "name", ["role", "roles", "is_verified", "id", "scope", "__proto__", "username", "x" * 64]
)
async def test_an_unknown_field_is_refused_and_named(
    shared_client: httpx2.AsyncClient, caplog: pytest.LogCaptureFixture, target: Target, name: str
) -> None:
    """T6."""
    response = await send(shared_client, target, json.dumps(target.body | {name: CANARY}))

    assert told(response) == (422, "invalid_input")
    assert response.json()["errors"] == [{"field": name, "reason": "is an unknown field"}]
    assert_no_echo(response, caplog)


@each_endpoint
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
    shared_client: httpx2.AsyncClient, caplog: pytest.LogCaptureFixture, target: Target, name: str
) -> None:
    """W11."""
    response = await send(shared_client, target, json.dumps(target.body | {name: 1}))

    assert told(response) == (422, "invalid_input")
    assert [each["field"] for each in response.json()["errors"]] == ["body"]
    assert_no_echo(response, caplog)
