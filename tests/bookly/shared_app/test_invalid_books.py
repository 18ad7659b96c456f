"""Invalid requests about books: each is answered as a problem that repeats no value."""

import json
from uuid import UUID, uuid4

import httpx2
import pytest

from bookly.books.schemas import cursor_of
from tests.bookly.catalogue import BOOKS, CLEAN_CODE, UNKNOWN_ID, add, assert_problem
from tests.bookly.conftest import Person

# Fixed, because the ids of the tests contain it.
CURSOR = cursor_of(UUID("01890a5d-ac96-774b-bcce-b302099a8057"))


LISTS = {"all": BOOKS, "of a user": f"{BOOKS}/user/{UNKNOWN_ID}"}


WRONG_QUERIES = {
    "limit": ["0", "101", "abc", ""],
    "cursor": [
        "garbage",
        "",
        "é" * 22,
        "\0" * 22,
        CURSOR + "=",
        CURSOR[:-1] + "_",
        "A" * 10_000,
    ],
    "q": ["a\0b", "a" * 201],
}


@pytest.mark.parametrize(
    ("path", "field", "value"),
    [
        pytest.param(path, field, value, id=f"{name}, {field}={value!r}"[:40])
        for name, path in LISTS.items()
        for field, values in WRONG_QUERIES.items()
        for value in values
        if field != "q" or path == BOOKS
    ],
)
async def test_a_wrong_query_is_a_422_that_names_the_field(
    client: httpx2.AsyncClient, ada: Person, path: str, field: str, value: str
) -> None:
    answer = await client.get(path, params={field: value}, headers=ada.headers)

    problem = assert_problem(answer, 422, "invalid_input")
    assert [error["field"] for error in problem["errors"]] == [field]


@pytest.mark.parametrize("number", ["limit=1", "limit=100"])
async def test_the_ends_of_the_limit_are_fine(
    client: httpx2.AsyncClient, ada: Person, number: str
) -> None:
    assert (await client.get(f"{BOOKS}?{number}", headers=ada.headers)).status_code == 200


WRONG_VALUES: dict[str, list[object]] = {
    "title": [None, "", "  ", 1, ["a"], "a" * 201, "a\0b", "\ud800", "\u200b"],
    "author": [None, "", True, {}, "a" * 201, "\0", "\udfff", "\u0301"],
    "publisher": [None, "", 1.5, "a" * 201, "\0", "\ud800", "\u3164"],
    "published_date": [None, "", 0, "2008", "2008-02-30", "2008-8-1", "01.08.2008", "0000-01-01"],
    "page_count": [None, 0, -1, 100_001, 1.5, "464", True, 2**70],
    "language": [None, "", 1, "a" * 36, "\0", "\ufeff"],
}


FIELDS_AND_VALUES = [
    pytest.param(field, value, id=f"{field} {value!r}"[:40])
    for field, values in WRONG_VALUES.items()
    for value in values
]


@pytest.mark.parametrize(("field", "value"), FIELDS_AND_VALUES)
async def test_a_wrong_value_is_a_422_that_names_the_field_and_not_the_value(
    client: httpx2.AsyncClient, ada: Person, field: str, value: object
) -> None:
    book = await add(client, ada)

    # By the standard library's encoder, which escapes lone surrogates.
    new, changes = json.dumps({**CLEAN_CODE, field: value}), json.dumps({field: value})
    headers = {**ada.headers, "Content-Type": "application/json"}
    added = await client.post(BOOKS, content=new, headers=headers)
    changed = await client.patch(f"{BOOKS}/{book['id']}", content=changes, headers=headers)

    for answer in (added, changed):
        problem = assert_problem(answer, 422, "invalid_input")
        assert [error["field"] for error in problem["errors"]] == [field]
        assert all(error.keys() == {"field", "reason"} for error in problem["errors"])


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("title", " ", "should have at least 1 character"),
        ("title", "\u200b", "should have at least 1 visible character"),
        ("title", "a" * 201, "should have at most 200 characters"),
        ("published_date", "2008-13-01", "should be a date as in 2008-08-01"),
        ("page_count", 0, "should be greater than or equal to 1"),
    ],
)
async def test_the_reason_is_a_sentence_about_the_rule(
    client: httpx2.AsyncClient, ada: Person, field: str, value: object, reason: str
) -> None:
    answer = await client.post(BOOKS, json={**CLEAN_CODE, field: value}, headers=ada.headers)

    assert answer.json()["errors"] == [{"field": field, "reason": reason}]


@pytest.mark.parametrize("field", CLEAN_CODE)
async def test_a_new_book_needs_every_field(
    client: httpx2.AsyncClient, ada: Person, field: str
) -> None:
    body = {name: value for name, value in CLEAN_CODE.items() if name != field}

    answer = await client.post(BOOKS, json=body, headers=ada.headers)

    problem = assert_problem(answer, 422, "invalid_input")
    assert problem["errors"] == [{"field": field, "reason": "is required"}]


@pytest.mark.parametrize("field", ["id", "owner_id", "created_at", "title_folded", "colour"])
async def test_a_field_that_is_not_the_clients_is_a_422(
    client: httpx2.AsyncClient, ada: Person, bob: Person, field: str
) -> None:
    book = await add(client, ada)

    added = await client.post(BOOKS, json={**CLEAN_CODE, field: bob.id}, headers=ada.headers)
    changed = await client.patch(f"{BOOKS}/{book['id']}", json={field: bob.id}, headers=ada.headers)

    for answer in (added, changed):
        problem = assert_problem(answer, 422, "invalid_input")
        assert problem["errors"] == [{"field": field, "reason": "is an unknown field"}]
        assert bob.id not in answer.text


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 422),
        (b"{", 422),
        (b"null", 422),
        (b"[]", 422),
        (b'"text"', 422),
        (b'{"page_count": NaN}', 422),
        (b'{"title": "a", "title": "b"}', 422),
        (b'{"title": "\xff"}', 422),
        (b"[" * 60_000, 422),
        (b'{"title": "' + b"a" * 70_000 + b'"}', 413),
    ],
    ids=lambda value: repr(value)[:30],
)
async def test_a_body_that_is_not_a_book_is_refused(
    client: httpx2.AsyncClient, ada: Person, body: bytes, status: int
) -> None:
    book = await add(client, ada)
    headers = {**ada.headers, "Content-Type": "application/json"}

    added = await client.post(BOOKS, content=body, headers=headers)
    changed = await client.patch(f"{BOOKS}/{book['id']}", content=body, headers=headers)

    code = {413: "payload_too_large", 422: "invalid_input"}[status]
    assert_problem(added, status, code)
    assert_problem(changed, status, code)


@pytest.mark.parametrize("book_id", ["1", "garbage", "%00", "..%2f", "user", f"{UNKNOWN_ID}x"])
@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
async def test_an_id_that_cannot_be_one_is_not_found(
    client: httpx2.AsyncClient, ada: Person, method: str, book_id: str
) -> None:
    body: dict[str, str] | None = {} if method == "PATCH" else None

    answer = await client.request(method, f"{BOOKS}/{book_id}", json=body, headers=ada.headers)

    assert_problem(answer, 404, "not_found")


@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
async def test_an_unknown_book_is_not_found(
    client: httpx2.AsyncClient, ada: Person, method: str
) -> None:
    body = {"title": "a"} if method == "PATCH" else None

    answer = await client.request(method, f"{BOOKS}/{uuid4()}", json=body, headers=ada.headers)

    assert_problem(answer, 404, "not_found")


async def test_a_trailing_slash_is_fine(client: httpx2.AsyncClient, ada: Person) -> None:
    added = await client.post(f"{BOOKS}/", json=CLEAN_CODE, headers=ada.headers)
    path = f"{BOOKS}/{added.json()['id']}/"

    assert added.status_code == 201
    assert (await client.get(f"{BOOKS}/", headers=ada.headers)).status_code == 200
    assert (await client.get(f"{BOOKS}/user/{ada.id}/", headers=ada.headers)).status_code == 200
    assert (await client.get(path, headers=ada.headers)).json() == added.json()
    assert (await client.delete(path, headers=ada.headers)).status_code == 204


@pytest.mark.parametrize(
    ("path", "methods"),
    [(BOOKS, "GET, POST"), (f"{BOOKS}/{UNKNOWN_ID}", "GET, PATCH, DELETE")],
    ids=["all", "one"],
)
async def test_another_method_is_a_405_that_says_which_are_fine(
    client: httpx2.AsyncClient, path: str, methods: str
) -> None:
    answer = await client.put(path)

    assert_problem(answer, 405, "method_not_allowed")
    assert answer.headers["Allow"] == methods


async def test_another_path_is_not_found(client: httpx2.AsyncClient) -> None:
    for path in ("/api/v1", "/api/v1/bookz", "/api/v1/books/1/2/3", "/.env"):
        assert_problem(await client.get(path), 404, "not_found")
