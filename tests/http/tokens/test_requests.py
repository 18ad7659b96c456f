"""W5, W7, W9: malformed Authorization headers, methods and paths."""

import httpx2
import pytest
from fastapi import FastAPI

from tests.http.conftest import (
    bearer,
    says_invalid_token,
    talking_to,
    told,
)
from tests.http.tokens.forging import PLACES
from tokenpair import TokenPair

# W5, W7 and W9 in the header and the path.

MALFORMED: dict[str, list[tuple[bytes, bytes]]] = {
    "bare_scheme": [(b"authorization", b"Bearer")],
    "scheme_and_space": [(b"authorization", b"Bearer ")],
    "empty": [(b"authorization", b"")],
    "space": [(b"authorization", b" ")],
    "basic": [(b"authorization", b"Basic YTpi")],
    "token_alone": [(b"authorization", b"abc")],
    "nothing": [],
}


@pytest.mark.parametrize("headers", MALFORMED.values(), ids=MALFORMED.keys())
async def test_a_header_without_a_bearer_token_counts_as_no_header(
    client: httpx2.AsyncClient, headers: list[tuple[bytes, bytes]]
) -> None:
    """W5."""
    answers = [
        await client.request(method, path, headers=headers) for _, method, path in PLACES.values()
    ]

    assert {told(answer) for answer in answers} == {(401, "not_authenticated")}
    assert not any(says_invalid_token(answer) for answer in answers)


@pytest.mark.parametrize(
    "value",
    [b"Bearer %%%", b"Bearer \xff\xfe", "Bearer ü.ü.ü".encode(), b"Bearer a\x00b", b"Bearer a b"],
)
async def test_a_malformed_token_is_refused_and_no_crash(
    client: httpx2.AsyncClient, value: bytes
) -> None:
    """W5, V7.2.1."""
    answers = [
        await client.request(method, path, headers=[(b"authorization", value)])
        for _, method, path in PLACES.values()
    ]

    assert {told(answer) for answer in answers} == {(401, "token_invalid")}


@pytest.mark.parametrize("path", ["/auth/login", "/auth/signup", "/auth/logout"])
async def test_nothing_is_done_on_get(app: FastAPI, path: str) -> None:
    """W7."""
    async with talking_to(app) as client:
        response = await client.get(path)

    assert response.status_code == 405
    assert response.headers["allow"] == "POST"


@pytest.mark.parametrize("name", ["%00", "a%00b", "%ED%A0%80", "..%2f..%2fetc", "'%20OR%201=1--"])
async def test_an_invalid_session_id_is_not_found(
    client: httpx2.AsyncClient, pair: TokenPair, name: str
) -> None:
    """W9."""
    response = await client.delete(f"/auth/sessions/{name}", headers=bearer(pair.access_token))

    assert response.status_code == 404
