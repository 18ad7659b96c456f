"""Bodies that are not JSON, not sent as JSON, or too large."""

import json
from collections.abc import AsyncIterator, Callable
from typing import Annotated

import httpx2
import pytest
from fastapi import APIRouter, Body, FastAPI

from tests.http.bad_input.sending import (
    CANARY,
    TARGETS,
    Target,
    assert_no_echo,
    body,
    each_endpoint,
    send,
)
from tests.http.conftest import talking_to, told
from tokenpair.fastapi import ProblemRoute, Text

MUST_BE_JSON = "must be sent with Content-Type: application/json; "
MISSING = f"{MUST_BE_JSON}the header is missing"
ANOTHER = f"{MUST_BE_JSON}it has another type"


@each_endpoint
@pytest.mark.parametrize(
    ("content_type", "reason"),
    [
        (None, MISSING),
        ("", ANOTHER),
        ("text/plain", ANOTHER),
        ("text/json", ANOTHER),
        ("application/jsonp", ANOTHER),
        ("application/x-www-form-urlencoded", ANOTHER),
        ("multipart/form-data; boundary=x", ANOTHER),
        (CANARY, ANOTHER),
    ],
)
async def test_json_without_its_content_type_is_an_error_that_names_the_header(
    shared_client: httpx2.AsyncClient,
    caplog: pytest.LogCaptureFixture,
    target: Target,
    content_type: str | None,
    reason: str,
) -> None:
    response = await send(shared_client, target, json.dumps(target.body), content_type)

    assert told(response) == (422, "invalid_input")
    assert response.json()["errors"] == [{"field": "body", "reason": reason}]
    assert_no_echo(response, caplog)


@pytest.mark.parametrize(
    "content_type",
    ["application/json; charset=utf-8", "Application/JSON", "application/vnd.api+json"],
)
async def test_every_content_type_of_json_is_read(
    client: httpx2.AsyncClient, content_type: str
) -> None:
    content = json.dumps(body()).encode()

    response = await client.post(
        "/auth/signup", content=content, headers={"Content-Type": content_type}
    )

    assert response.status_code == 201


async def test_a_route_of_several_bodies_and_a_query_tells_the_content_type_once() -> None:
    app = FastAPI()
    router = APIRouter(route_class=ProblemRoute)

    @router.post("/notes")
    async def add(
        title: Annotated[Text, Body()], text: Annotated[Text, Body()], limit: int
    ) -> None: ...

    app.include_router(router)
    async with talking_to(app) as client:
        response = await client.post("/notes", content=b'{"title": "a", "text": "b"}')

    assert response.json()["errors"] == [
        {"field": "body", "reason": MISSING},
        {"field": "limit", "reason": "is required"},
    ]


async def test_a_route_that_takes_text_is_not_told_to_take_json() -> None:
    app = FastAPI()
    router = APIRouter(route_class=ProblemRoute)

    @router.post("/notes")
    async def add(text: Annotated[bytes, Body(max_length=3, media_type="text/plain")]) -> None: ...

    app.include_router(router)
    async with talking_to(app) as client:
        response = await client.post(
            "/notes", content=b"long", headers={"Content-Type": "text/plain"}
        )

    assert "application/json" not in response.text


BODIES: dict[str, Callable[[str], bytes]] = {
    "nothing": lambda _: b"",
    "white_space": lambda _: b"  \n",
    "not_json": lambda _: b"email=" + CANARY.encode(),
    "cut_off": lambda json: json[:-2].encode(),
    "two_documents": lambda json: (json * 2).encode(),
    "trailing_comma": lambda json: json[:-1].encode() + b",}",
    "single_quotes": lambda json: json.replace('"', "'").encode(),
    "null": lambda _: b"null",
    "number": lambda _: b"1",
    "string": lambda _: f'"{CANARY}"'.encode(),
    "list": lambda json: f"[{json}]".encode(),
    "empty_list": lambda _: b"[]",
    "empty_object": lambda _: b"{}",
    "nan": lambda _: b'{"email": "a@example.com", "password": NaN}',
    "infinity": lambda _: b'{"email": -Infinity, "password": "x"}',
    "1e400": lambda _: b'{"email": 1e400, "password": "x"}',
    "1e999_in_an_unknown_field": lambda json: json[:-1].encode() + b', "x": 1e999}',
    "minus_1e999_in_an_unknown_field": lambda json: json[:-1].encode() + b', "x": -1e999}',
    "309_digits_in_an_unknown_field": lambda json: (
        json[:-1].encode() + b', "x": ' + b"9" * 309 + b"}"
    ),
    "long_number": lambda _: b'{"email": ' + b"9" * 10_000 + b', "password": "x"}',
    "nan_in_an_unknown_field": lambda json: json[:-1].encode() + b', "x": NaN}',
    "duplicate_key": lambda json: json[:-1].encode() + b", " + json[1:].encode(),
    "duplicate_key_deep_inside": lambda json: json[:-1].encode() + b', "x": {"a": 1, "a": 2}}',
    "deep_list": lambda _: b"[" * 30_000 + b"]" * 30_000,
    "deep_object": lambda _: b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
    "deep_field": lambda _: b'{"email": ' + b"[" * 20_000 + b"]" * 20_000 + b', "password": "x"}',
    "half_deep_field": lambda _: b'{"email": ' + b"[" * 700 + b"]" * 700 + b', "password": "x"}',
    "not_utf_8": lambda json: json.encode().replace(b"canary", b"canar\xff"),
    "overlong_utf_8": lambda json: json.encode().replace(b"canary", b"canar\xc1\x80"),
    "surrogate_as_utf_8": lambda json: json.encode().replace(b"canary", b"canar\xed\xa0\x80"),
    "utf_16": lambda json: json.encode("utf-16"),
    "utf_16_little_endian": lambda json: json.encode("utf-16-le"),
    "utf_32": lambda json: json.encode("utf-32"),
    "byte_order_mark": lambda json: json.encode("utf-8-sig"),
    "raw_newline_in_a_string": lambda json: json.replace(CANARY, CANARY + "\n").encode(),
}


WITHOUT_CONTENT = {"nothing", "null", "empty_object"}
"""Bodies that an endpoint may accept if its body is optional."""

CASES = [
    (target, name)
    for target in TARGETS
    for name in BODIES
    if target.needs_body or name not in WITHOUT_CONTENT
]


@pytest.mark.parametrize(
    ("target", "name"), CASES, ids=[f"{target} {name}" for target, name in CASES]
)
async def test_a_body_that_is_not_plain_json_is_refused(
    shared_client: httpx2.AsyncClient, caplog: pytest.LogCaptureFixture, target: Target, name: str
) -> None:
    """J7."""
    response = await send(shared_client, target, BODIES[name](target.with_canary()))

    assert told(response) == (422, "invalid_input")
    assert len(response.content) < 1024
    assert_no_echo(response, caplog)


@each_endpoint
@pytest.mark.parametrize(
    "content_type",
    [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/xml",
        "application/jsonp",
        "text/json",
        "",
        "/",
        "application",
        f"text/{CANARY}",
    ],
)
async def test_json_of_another_content_type_is_refused(
    shared_client: httpx2.AsyncClient,
    caplog: pytest.LogCaptureFixture,
    target: Target,
    content_type: str,
) -> None:
    """W1."""
    response = await send(shared_client, target, target.with_canary(), content_type)

    assert told(response) == (422, "invalid_input")
    assert_no_echo(response, caplog)


@pytest.mark.usefixtures("ada")
@pytest.mark.parametrize(
    "content_type", ["application/json; charset=utf-8", "APPLICATION/JSON", "application/x+json"]
)
async def test_other_media_types_of_json_are_accepted(
    client: httpx2.AsyncClient, content_type: str
) -> None:
    response = await client.post(
        "/auth/login", content=json.dumps(body()), headers={"Content-Type": content_type}
    )

    assert response.status_code == 200


@pytest.mark.parametrize(
    ("content", "content_type"),
    [
        pytest.param(b"&".join(b"a=b" for _ in range(10_000)), "form", id="many_form_fields"),
        pytest.param(b"x" * 60_000, "multipart", id="garbage_in_parts"),
    ],
)
@each_endpoint
async def test_a_form_is_not_even_parsed(
    shared_client: httpx2.AsyncClient, target: Target, content: bytes, content_type: str
) -> None:
    """W3."""
    name = {
        "form": "application/x-www-form-urlencoded",
        "multipart": "multipart/form-data; boundary=x",
    }[content_type]

    response = await send(shared_client, target, content, name)

    assert told(response) == (422, "invalid_input")


# Size.


@each_endpoint
@pytest.mark.parametrize("size", [64 * 1024 + 1, 1_000_000])
async def test_a_body_over_the_limit_is_too_large(
    shared_client: httpx2.AsyncClient, caplog: pytest.LogCaptureFixture, target: Target, size: int
) -> None:
    content = (b'{"email": "' + CANARY.encode() * (size // len(CANARY) + 1))[:size]

    response = await send(shared_client, target, content)

    assert told(response) == (413, "payload_too_large")
    assert "at most 64 KiB" in response.json()["detail"]
    assert len(response.content) < 1024
    assert_no_echo(response, caplog)


@each_endpoint
async def test_a_body_at_the_limit_is_read(
    shared_client: httpx2.AsyncClient, target: Target
) -> None:
    content = json.dumps(target.body | {"x": ""}).encode()
    content += b" " * (64 * 1024 - len(content))

    response = await send(shared_client, target, content)

    assert told(response) == (422, "invalid_input")


class Stream:
    """Twenty megabytes in pieces; counts the pieces that were read."""

    def __init__(self) -> None:
        self.taken = 0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for _ in range(20 * 1024):
            self.taken += 1024
            yield b"x" * 1024


@each_endpoint
@pytest.mark.parametrize(
    "length",
    [
        pytest.param({}, id="chunked"),
        pytest.param({"Content-Length": "5"}, id="said_to_be_short"),
    ],
)
async def test_a_body_is_refused_before_it_has_been_read(
    shared_client: httpx2.AsyncClient, target: Target, length: dict[str, str]
) -> None:
    stream = Stream()

    response = await send(shared_client, target, stream, **length)

    assert told(response) == (413, "payload_too_large")
    assert stream.taken < 80 * 1024


@each_endpoint
async def test_a_body_that_is_said_to_be_large_is_not_read_at_all(
    shared_client: httpx2.AsyncClient, target: Target
) -> None:
    stream = Stream()

    length = {"Content-Length": str(20 * 1024 * 1024)}

    response = await send(shared_client, target, stream, **length)

    assert told(response) == (413, "payload_too_large")
    assert stream.taken <= 1024
