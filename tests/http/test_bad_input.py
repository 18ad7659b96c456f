"""Whatever is sent: a plain answer, no crash, and not a word of it back."""

import json
import logging
from collections.abc import AsyncIterator
from typing import Annotated, Literal
from uuid import UUID
from zoneinfo import ZoneInfo

import httpx2
import pytest
from fastapi import APIRouter, Body, FastAPI
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from tests.http.conftest import bearer, on_both_storages, talking_to, told
from tokenpair import Auth, TokenPair
from tokenpair.fastapi import ProblemRoute, Profile, Text, install
from tokenpair.testing import PASSWORD, login_as

CANARY = "canary7f3a"
ENDPOINTS = ["/auth/signup", "/auth/login"]

both_endpoints = pytest.mark.parametrize("path", ENDPOINTS)


@pytest.fixture(autouse=True)
def _log_everything(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)


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


ADDRESSES = {
    "space_before": f" {CANARY}@example.com",
    "space_after": f"{CANARY}@example.com ",
    "newline": f"{CANARY}@example.com\n",
    "header_injection": f"{CANARY}@example.com\r\nBcc: eve@example.com",
    "name_and_address": f"Ada <{CANARY}@example.com>",
    "two_addresses": f"{CANARY}@example.com,eve@example.com",
    "no_domain": CANARY,
    "no_dot": f"{CANARY}@localhost",
    "ip_address": f"{CANARY}@[127.0.0.1]",
    "quoted": f'"{CANARY}"@example.com',
    "control_character": f"{CANARY}\x1b[31m@example.com",
    "right_to_left": f"{CANARY}\u202e@example.com",
    "two_ats": f"{CANARY}@@example.com",
    "empty": "",
}


@pytest.mark.parametrize("address", ADDRESSES.values(), ids=ADDRESSES.keys())
async def test_what_is_not_one_address_cannot_sign_up(
    client: httpx2.AsyncClient, caplog: pytest.LogCaptureFixture, address: str
) -> None:
    """W10, W11."""
    response = await client.post("/auth/signup", json=body(email=address))

    assert told(response) == (422, "invalid_input")
    assert response.json()["errors"] == [
        {"field": "email", "reason": "is not a valid e-mail address"}
    ]
    assert_no_echo(response, caplog)


@pytest.mark.parametrize("address", ADDRESSES.values(), ids=ADDRESSES.keys())
async def test_what_is_not_one_address_opens_no_account(
    client: httpx2.AsyncClient, caplog: pytest.LogCaptureFixture, address: str
) -> None:
    response = await client.post("/auth/login", json=body(email=address))

    assert told(response) == (401, "invalid_credentials")
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
    assert response.json()["errors"] == [{"field": name, "reason": "is not known here"}]
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


NOT_JSON = "must be sent with Content-Type: application/json; it has "


@both_endpoints
@pytest.mark.parametrize(
    ("content_type", "reason"),
    [
        (None, f"{NOT_JSON}none"),
        ("", f"{NOT_JSON}another one"),
        ("text/plain", f"{NOT_JSON}another one"),
        ("text/json", f"{NOT_JSON}another one"),
        ("application/jsonp", f"{NOT_JSON}another one"),
        ("application/x-www-form-urlencoded", f"{NOT_JSON}another one"),
        ("multipart/form-data; boundary=x", f"{NOT_JSON}another one"),
        (CANARY, f"{NOT_JSON}another one"),
    ],
)
async def test_json_without_its_content_type_is_told_so(
    client: httpx2.AsyncClient,
    caplog: pytest.LogCaptureFixture,
    path: str,
    content_type: str | None,
    reason: str,
) -> None:
    headers = {} if content_type is None else {"Content-Type": content_type}

    response = await client.post(path, content=json.dumps(body()).encode(), headers=headers)

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
        {"field": "body", "reason": f"{NOT_JSON}none"},
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


JSON = json.dumps(body(password=CANARY * 3))
BODIES: dict[str, bytes] = {
    "nothing": b"",
    "white_space": b"  \n",
    "not_json": b"email=" + CANARY.encode(),
    "cut_off": JSON[:-2].encode(),
    "two_documents": (JSON * 2).encode(),
    "trailing_comma": JSON[:-1].encode() + b",}",
    "single_quotes": JSON.replace('"', "'").encode(),
    "null": b"null",
    "number": b"1",
    "string": f'"{CANARY}"'.encode(),
    "list": f"[{JSON}]".encode(),
    "empty_list": b"[]",
    "empty_object": b"{}",
    "nan": b'{"email": "a@example.com", "password": NaN}',
    "infinity": b'{"email": -Infinity, "password": "x"}',
    "1e400": b'{"email": 1e400, "password": "x"}',
    "1e999_in_an_unknown_field": JSON[:-1].encode() + b', "x": 1e999}',
    "minus_1e999_in_an_unknown_field": JSON[:-1].encode() + b', "x": -1e999}',
    "309_digits_in_an_unknown_field": JSON[:-1].encode() + b', "x": ' + b"9" * 309 + b"}",
    "long_number": b'{"email": ' + b"9" * 10_000 + b', "password": "x"}',
    "nan_in_an_unknown_field": JSON[:-1].encode() + b', "x": NaN}',
    "duplicate_key": JSON[:-1].encode() + b', "password": "' + PASSWORD.encode() + b'"}',
    "duplicate_key_deep_inside": JSON[:-1].encode() + b', "x": {"a": 1, "a": 2}}',
    "deep_list": b"[" * 30_000 + b"]" * 30_000,
    "deep_object": b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
    "deep_field": b'{"email": ' + b"[" * 20_000 + b"]" * 20_000 + b', "password": "x"}',
    "half_deep_field": b'{"email": ' + b"[" * 700 + b"]" * 700 + b', "password": "x"}',
    "not_utf_8": JSON.encode().replace(b"canary", b"canar\xff"),
    "overlong_utf_8": JSON.encode().replace(b"@", b"\xc1\x80"),
    "surrogate_as_utf_8": JSON.encode().replace(b"@", b"\xed\xa0\x80"),
    "utf_16": JSON.encode("utf-16"),
    "utf_16_little_endian": JSON.encode("utf-16-le"),
    "utf_32": JSON.encode("utf-32"),
    "byte_order_mark": JSON.encode("utf-8-sig"),
    "raw_newline_in_a_string": JSON.replace(CANARY, CANARY + "\n").encode(),
}


@both_endpoints
@pytest.mark.parametrize("content", BODIES.values(), ids=BODIES.keys())
async def test_a_body_that_is_not_plain_json_is_refused(
    client: httpx2.AsyncClient, caplog: pytest.LogCaptureFixture, path: str, content: bytes
) -> None:
    """J7."""
    response = await send(client, path, content)

    assert told(response) == (422, "invalid_input")
    assert len(response.content) < 1024
    assert_no_echo(response, caplog)


@both_endpoints
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
    client: httpx2.AsyncClient, caplog: pytest.LogCaptureFixture, path: str, content_type: str
) -> None:
    """W1."""
    response = await send(client, path, JSON.encode(), content_type)

    assert told(response) == (422, "invalid_input")
    assert_no_echo(response, caplog)


@pytest.mark.usefixtures("ada")
@pytest.mark.parametrize(
    "content_type", ["application/json; charset=utf-8", "APPLICATION/JSON", "application/x+json"]
)
async def test_json_may_be_called_so_in_other_words(
    client: httpx2.AsyncClient, content_type: str
) -> None:
    response = await send(client, "/auth/login", json.dumps(body()).encode(), content_type)

    assert response.status_code == 200


@pytest.mark.parametrize(
    ("content", "content_type"),
    [
        pytest.param(b"&".join(b"a=b" for _ in range(10_000)), "form", id="many_form_fields"),
        pytest.param(b"x" * 60_000, "multipart", id="garbage_in_parts"),
    ],
)
@both_endpoints
async def test_a_form_is_not_even_parsed(
    client: httpx2.AsyncClient, path: str, content: bytes, content_type: str
) -> None:
    """W3."""
    name = {
        "form": "application/x-www-form-urlencoded",
        "multipart": "multipart/form-data; boundary=x",
    }[content_type]

    response = await send(client, path, content, name)

    assert told(response) == (422, "invalid_input")


# Size.


@both_endpoints
@pytest.mark.parametrize("size", [64 * 1024 + 1, 1_000_000])
async def test_a_body_over_the_limit_is_too_large(
    client: httpx2.AsyncClient, caplog: pytest.LogCaptureFixture, path: str, size: int
) -> None:
    content = (b'{"email": "' + CANARY.encode() * (size // len(CANARY) + 1))[:size]

    response = await send(client, path, content)

    assert told(response) == (413, "payload_too_large")
    assert len(response.content) < 1024
    assert_no_echo(response, caplog)


@both_endpoints
async def test_a_body_at_the_limit_is_read(client: httpx2.AsyncClient, path: str) -> None:
    content = json.dumps(body(x="")).encode()
    content += b" " * (64 * 1024 - len(content))

    response = await send(client, path, content)

    assert told(response) == (422, "invalid_input")


class Stream:
    """Twenty megabytes, piece by piece; counts what has been taken."""

    def __init__(self) -> None:
        self.taken = 0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for _ in range(20 * 1024):
            self.taken += 1024
            yield b"x" * 1024


@both_endpoints
@pytest.mark.parametrize(
    "length",
    [
        pytest.param({}, id="chunked"),
        pytest.param({"Content-Length": "5"}, id="said_to_be_short"),
    ],
)
async def test_a_body_is_refused_before_it_has_been_read(
    client: httpx2.AsyncClient, path: str, length: dict[str, str]
) -> None:
    stream = Stream()

    response = await client.post(
        path, content=stream, headers={"Content-Type": "application/json"} | length
    )

    assert told(response) == (413, "payload_too_large")
    assert stream.taken < 80 * 1024


@both_endpoints
async def test_a_body_that_is_said_to_be_large_is_not_read_at_all(
    client: httpx2.AsyncClient, path: str
) -> None:
    stream = Stream()

    response = await client.post(
        path,
        content=stream,
        headers={"Content-Type": "application/json", "Content-Length": str(20 * 1024 * 1024)},
    )

    assert told(response) == (413, "payload_too_large")
    assert stream.taken <= 1024


# One account in many spellings.


async def sign_up(client: httpx2.AsyncClient, address: str) -> int:
    return (await client.post("/auth/signup", json=body(email=address))).status_code


@on_both_storages
@pytest.mark.parametrize(
    ("first", "second"),
    [
        pytest.param("mike@example.com", "MIKE@EXAMPLE.COM", id="case"),
        pytest.param("jos\u00e9@example.com", "jose\u0301@example.com", id="nfc_and_nfd"),
        pytest.param("ANDR\u00e9@example.com", "andre\u0301@example.com", id="case_and_nfd"),
        pytest.param("ada@b\u00fccher.example.com", "ada@BU\u0308CHER.example.com", id="domain"),
        pytest.param("ada@b\u00fccher.example.com", "ada@xn--bcher-kva.example.com", id="idna"),
        pytest.param("ada@example.com", "ada@\uff45xample.com", id="fullwidth_domain"),
    ],
)
async def test_spellings_of_one_address_are_one_account(
    client: httpx2.AsyncClient, first: str, second: str
) -> None:
    """A1."""
    assert await sign_up(client, first) == 201

    assert await sign_up(client, second) == 409
    logged_in = await client.post("/auth/login", json=body(email=second))
    assert logged_in.status_code == 200


@on_both_storages
@pytest.mark.parametrize(
    ("first", "second"),
    [
        pytest.param("mike@example.com", "m\u0131ke@example.com", id="dotless_i"),
        pytest.param("mike@example.com", "\uff4dike@example.com", id="fullwidth"),
        pytest.param("mike@example.com", "m\u0456ke@example.com", id="cyrillic"),
        pytest.param("mike@example.com", "m\u00efke@example.com", id="diaeresis"),
        pytest.param("mike@example.com", "mike+tag@example.com", id="tag"),
        pytest.param("mike@example.com", "m.ike@example.com", id="dot"),
    ],
)
async def test_addresses_that_look_alike_are_two_accounts(
    client: httpx2.AsyncClient, first: str, second: str
) -> None:
    """A1."""
    assert await sign_up(client, first) == 201

    logged_in = await client.post("/auth/login", json=body(email=second))
    assert told(logged_in) == (401, "invalid_credentials")
    assert await sign_up(client, second) in {201, 422}


async def test_a_password_is_the_same_in_either_unicode_form(client: httpx2.AsyncClient) -> None:
    composed, decomposed = "caf\u00e9 au lait et croissants", "cafe\u0301 au lait et croissants"
    await client.post("/auth/signup", json=body(password=composed))

    response = await client.post("/auth/login", json=body(password=decomposed))

    assert response.status_code == 200


@pytest.mark.parametrize(
    "password",
    [
        pytest.param(f" {PASSWORD} ", id="spaces_around"),
        pytest.param("pass\tphrase with\r\ncontrols", id="controls"),
        pytest.param("\U0001f600\U0001f4a9 of many faces \U0001f47b", id="emoji"),
        pytest.param("\u03bb\u03cc\u03b3\u03bf\u03c2 \u03ba\u03b1\u03b9 logos", id="greek"),
        pytest.param("x9Q! vKe7 " * 102 + "last", id="1024_characters"),
        pytest.param("e\u0301\u4e16" + "long enough to be one" * 4, id="more_than_72_bytes"),
    ],
)
async def test_a_password_is_taken_as_it_is(client: httpx2.AsyncClient, password: str) -> None:
    """A18."""
    signed_up = await client.post("/auth/signup", json=body(password=password))

    right = await client.post("/auth/login", json=body(password=password))
    cut = await client.post("/auth/login", json=body(password=password[:-1]))
    other = await client.post("/auth/login", json=body(password=password.strip()[:-1] + "."))

    assert (signed_up.status_code, right.status_code) == (201, 200)
    assert {told(cut), told(other)} == {(401, "invalid_credentials")}


# The profile is the app's, and no more talkative.


class Cat(BaseModel):
    kind: Literal["cat"]
    name: Text


class Dog(BaseModel):
    kind: Literal["dog"]
    age: int


class Settings(BaseModel):
    model_config = ConfigDict(extra="forbid")

    theme: Literal["dark", "light"] = "light"
    size: int = 1


def refuse(text: str) -> str:
    raise ValueError(f"{text} will not do")


class Keeper(Profile):
    """A profile whose fields have fields."""

    pet: Annotated[Cat | Dog, Field(discriminator="kind")] | None = None
    settings: Settings = Settings()
    scores: dict[Text, int] = {}  # noqa: RUF012  A field's default, which Pydantic copies.
    token: UUID | None = None
    zone: ZoneInfo | None = None
    counted: Annotated[int, BeforeValidator(int)] = 0
    rule: Annotated[Text, AfterValidator(refuse)] = ""
    names: list[Text] = []  # noqa: RUF012


@pytest.fixture
async def keepers(auth: Auth) -> AsyncIterator[httpx2.AsyncClient]:
    app = FastAPI()
    install(app, auth, profile=Keeper)
    async with talking_to(app) as client:
        yield client


PROFILES: dict[str, dict[str, object]] = {
    "unknown_field": {f"{CANARY}-": 1},
    "unknown_field_inside": {"settings": {f"{CANARY}-": 1}},
    "wrong_choice": {"settings": {"theme": CANARY}},
    "wrong_kind_inside": {"settings": {"size": CANARY}},
    "not_an_object": {"settings": CANARY},
    "unknown_kind_of_union": {"pet": {"kind": CANARY}},
    "wrong_field_of_union": {"pet": {"kind": "dog", "age": CANARY}},
    "union_without_kind": {"pet": {"name": CANARY}},
    "type_whose_message_quotes": {"zone": CANARY},
    "validator_that_lets_python_speak": {"counted": CANARY},
    "validator_that_quotes": {"rule": CANARY},
    "value_under_a_key_of_theirs": {"scores": {CANARY: "x"}},
    "key_that_will_not_do": {"scores": {CANARY + "\0": 1}},
    "uuid": {"token": CANARY},
    "item_of_a_list": {"names": ["ok", CANARY + "\0"]},
}


@pytest.mark.parametrize("profile", PROFILES.values(), ids=PROFILES.keys())
async def test_nothing_of_a_profile_is_repeated(
    keepers: httpx2.AsyncClient,
    auth: Auth,
    caplog: pytest.LogCaptureFixture,
    profile: dict[str, object],
) -> None:
    """W11."""
    signed_up = await keepers.post("/auth/signup", json=body(**profile))
    user = await auth.sign_up(email="bob@example.com", password=PASSWORD)
    pair: TokenPair = await login_as(auth, user)

    changed = await keepers.patch("/auth/me", json=profile, headers=bearer(pair.access_token))

    assert told(signed_up) == told(changed) == (422, "invalid_input")
    assert_no_echo(signed_up, caplog)
    assert_no_echo(changed, caplog)


async def test_a_field_inside_a_profile_is_named(keepers: httpx2.AsyncClient) -> None:
    response = await keepers.post("/auth/signup", json=body(settings={"size": "x"}))

    assert [error["field"] for error in response.json()["errors"]] == ["settings.size"]


async def test_an_unknown_field_inside_a_profile_is_named(keepers: httpx2.AsyncClient) -> None:
    response = await keepers.post("/auth/signup", json=body(settings={"colour": "x"}))

    assert response.json()["errors"] == [
        {"field": "settings.colour", "reason": "is not known here"}
    ]


async def test_not_one_character_of_a_value_is_repeated(
    keepers: httpx2.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    """W11."""
    response = await keepers.post("/auth/signup", json=body(token="\u2603"))

    assert told(response) == (422, "invalid_input")
    assert [error["field"] for error in response.json()["errors"]] == ["token"]
    assert "\u2603" not in response.text + caplog.text
