"""What users do with books, and which of them may."""

import asyncio
import logging
import shutil
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import httpx2
import pytest
from fastapi import FastAPI

from bookly.app import create_app
from bookly.db import make_database
from bookly.settings import BooklySettings
from tests.bookly.catalogue import BOOKS, CLEAN_CODE, UNKNOWN_ID, add, assert_problem, titles
from tests.bookly.conftest import PRODUCTION, Person, SignUp
from tokenpair.testing import FakeClock

on_both = pytest.mark.parametrize("url", ["sqlite", "postgres"], indirect=True)


# Adding, changing and removing books


@on_both
async def test_a_book_is_kept_as_it_was_added(client: httpx2.AsyncClient, ada: Person) -> None:
    added = await client.post(BOOKS, json=CLEAN_CODE, headers=ada.headers)

    book = added.json()
    assert added.status_code == 201
    assert added.headers["Cache-Control"] == "no-store"
    assert book == CLEAN_CODE | {
        "id": book["id"],
        "owner_id": ada.id,
        "is_sample": False,
        "created_at": "2026-01-01T00:00:00Z",
        "updated_at": "2026-01-01T00:00:00Z",
    }
    assert (await client.get(f"{BOOKS}/{book['id']}", headers=ada.headers)).json() == book


@on_both
async def test_a_change_leaves_the_other_fields_alone(
    client: httpx2.AsyncClient, ada: Person, clock: FakeClock
) -> None:
    book = await add(client, ada)

    clock.advance(minutes=1)
    answer = await client.patch(
        f"{BOOKS}/{book['id']}", json={"title": "Clean Coder"}, headers=ada.headers
    )

    assert answer.status_code == 200
    changed = {"title": "Clean Coder", "updated_at": "2026-01-01T00:01:00Z"}
    assert answer.json() == book | changed
    assert (await client.get(f"{BOOKS}/{book['id']}", headers=ada.headers)).json() == answer.json()


async def test_a_change_of_nothing_changes_nothing(
    client: httpx2.AsyncClient, ada: Person, clock: FakeClock
) -> None:
    book = await add(client, ada)

    clock.advance(minutes=1)
    answer = await client.patch(f"{BOOKS}/{book['id']}", json={}, headers=ada.headers)

    assert (answer.status_code, answer.json()) == (200, book)


@on_both
async def test_two_changes_at_once_lose_neithers_fields(
    client: httpx2.AsyncClient, ada: Person
) -> None:
    path = f"{BOOKS}/{(await add(client, ada))['id']}"

    for number in range(10):
        changes = [{"title": f"title {number}"}, {"author": f"author {number}"}]
        await asyncio.gather(
            *(client.patch(path, json=each, headers=ada.headers) for each in changes)
        )

        book = (await client.get(path, headers=ada.headers)).json()
        assert (book["title"], book["author"]) == (f"title {number}", f"author {number}")
        assert await titles(client, ada, q=f"title {number}") == [f"title {number}"]
        assert await titles(client, ada, q=f"author {number}") == [f"title {number}"]


@on_both
async def test_a_removed_book_is_gone_and_cannot_be_removed_again(
    client: httpx2.AsyncClient, ada: Person
) -> None:
    path = f"{BOOKS}/{(await add(client, ada))['id']}"

    first = await client.delete(path, headers=ada.headers)
    second = await client.delete(path, headers=ada.headers)

    assert (first.status_code, first.content) == (204, b"")
    assert_problem(second, 404, "not_found")
    assert_problem(await client.get(path, headers=ada.headers), 404, "not_found")


async def test_the_log_names_the_endpoint_and_never_what_a_stranger_wrote_there(
    client: httpx2.AsyncClient, ada: Person, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)

    await client.get(f"{BOOKS}/{uuid4()}", headers=ada.headers)

    said = [each.getMessage() for each in caplog.records if each.name.startswith("tokenpair")]
    assert said[-1] == "GET /api/v1/books/{book_id}: not_found"


@on_both
async def test_of_many_removals_at_once_one_succeeds(
    client: httpx2.AsyncClient, ada: Person
) -> None:
    path = f"{BOOKS}/{(await add(client, ada))['id']}"

    answers = await asyncio.gather(*(client.delete(path, headers=ada.headers) for _ in range(5)))

    assert sorted(answer.status_code for answer in answers) == [204, 404, 404, 404, 404]


# Permissions


@on_both
async def test_another_users_book_can_be_read_but_not_changed(
    client: httpx2.AsyncClient, ada: Person, bob: Person
) -> None:
    book = await add(client, ada)
    path = f"{BOOKS}/{book['id']}"

    assert (await client.get(path, headers=bob.headers)).json() == book
    patched = await client.patch(path, json={"title": "Bob's"}, headers=bob.headers)
    assert_problem(patched, 404, "not_found")
    assert_problem(await client.patch(path, json={}, headers=bob.headers), 404, "not_found")
    assert_problem(await client.delete(path, headers=bob.headers), 404, "not_found")
    assert (await client.get(path, headers=ada.headers)).json() == book


@on_both
async def test_an_admin_changes_and_removes_any_book(
    client: httpx2.AsyncClient, ada: Person, admin: Person
) -> None:
    path = f"{BOOKS}/{(await add(client, ada))['id']}"

    changed = await client.patch(path, json={"language": "German"}, headers=admin.headers)

    assert (changed.json()["language"], changed.json()["owner_id"]) == ("German", ada.id)
    assert (await client.delete(path, headers=admin.headers)).status_code == 204


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", BOOKS),
        ("POST", BOOKS),
        ("GET", f"{BOOKS}/user/{UNKNOWN_ID}"),
        ("GET", f"{BOOKS}/{UNKNOWN_ID}"),
        ("PATCH", f"{BOOKS}/{UNKNOWN_ID}"),
        ("DELETE", f"{BOOKS}/{UNKNOWN_ID}"),
    ],
    ids=["list", "add", "list of user", "get", "change", "remove"],
)
async def test_every_endpoint_needs_an_access_token(
    client: httpx2.AsyncClient, method: str, path: str
) -> None:
    body = CLEAN_CODE if method in {"POST", "PATCH"} else None

    without = await client.request(method, path, json=body)
    garbage = await client.request(
        method, path, json=body, headers={"Authorization": "Bearer garbage"}
    )

    assert_problem(without, 401, "not_authenticated")
    assert without.headers["WWW-Authenticate"].startswith("Bearer realm=")
    assert_problem(garbage, 401, "token_invalid")


async def test_a_refresh_token_opens_no_books(client: httpx2.AsyncClient, sign_up: SignUp) -> None:
    await sign_up("carol")
    credentials = {"email": "carol@example.com", "password": "correct horse battery staple"}
    pair = (await client.post("/api/v1/auth/login", json=credentials)).json()

    answer = await client.get(BOOKS, headers={"Authorization": f"Bearer {pair['refresh_token']}"})

    assert_problem(answer, 401, "access_token_required")


# Pages


@on_both
async def test_pages_are_newest_first_and_hold_each_book_once(
    client: httpx2.AsyncClient, ada: Person, bob: Person
) -> None:
    for number in range(5):
        await add(client, ada if number % 2 else bob, title=f"{number}")

    seen, cursor = [], ""
    while cursor is not None:
        query = {"limit": "2"} | ({"cursor": cursor} if cursor else {})
        page = (await client.get(BOOKS, params=query, headers=ada.headers)).json()
        seen.append([book["title"] for book in page["items"]])
        cursor = page["next"]
        await add(client, ada, title="a newcomer between two pages")

    assert seen == [["4", "3"], ["2", "1"], ["0"]]


@pytest.mark.parametrize(("count", "has_next"), [(0, False), (1, False), (2, False), (3, True)])
async def test_there_is_a_next_page_exactly_when_there_is_another_book(
    client: httpx2.AsyncClient, ada: Person, count: int, has_next: bool
) -> None:
    for _ in range(count):
        await add(client, ada)

    page = (await client.get(BOOKS, params={"limit": 2}, headers=ada.headers)).json()

    assert (page["next"] is not None) == has_next


async def test_the_list_of_a_user_has_only_their_books(
    client: httpx2.AsyncClient, ada: Person, bob: Person
) -> None:
    for number in range(3):
        await add(client, ada, title=f"Ada's {number}")
        await add(client, bob)
    path = f"{BOOKS}/user/{ada.id}"

    first = (await client.get(path, params={"limit": 2}, headers=bob.headers)).json()
    second = (
        await client.get(path, params={"limit": 2, "cursor": first["next"]}, headers=bob.headers)
    ).json()

    assert [book["title"] for book in first["items"]] == ["Ada's 2", "Ada's 1"]
    assert [book["title"] for book in second["items"]] == ["Ada's 0"]
    assert second["next"] is None


async def test_the_list_of_an_unknown_user_is_empty(
    client: httpx2.AsyncClient, ada: Person
) -> None:
    answer = await client.get(f"{BOOKS}/user/{uuid4()}", headers=ada.headers)

    assert (answer.status_code, answer.json()) == (200, {"items": [], "next": None})


async def test_a_cursor_outlives_the_book_it_names(client: httpx2.AsyncClient, ada: Person) -> None:
    books = [await add(client, ada, title=f"{number}") for number in range(3)]
    page = (await client.get(BOOKS, params={"limit": 2}, headers=ada.headers)).json()

    await client.delete(f"{BOOKS}/{books[1]['id']}", headers=ada.headers)

    assert await titles(client, ada, cursor=page["next"]) == ["0"]


# Searching


@on_both
@pytest.mark.parametrize(
    ("q", "found"),
    [
        ("dune", ["Dune"]),
        ("LE GUIN", ["Les Dépossédés"]),
        ("ace books", ["Dune"]),
        ("DÉPOSSÉDÉS", ["Les Dépossédés"]),
        ("De\u0301posse\u0301de\u0301s", ["Les Dépossédés"]),
        ("ΣΊΣΥΦΟΣ", ["Σίσυφος"]),
        ("strasse", ["Die Straße"]),
        ("100%", ["100% Wool"]),
        ("%", ["100% Wool"]),
        ("_", ["snake_case"]),
        ("/", ["and/or"]),
        ("\\", []),
        ("' OR 1=1 --", []),
        ("", ["and/or", "snake_case", "100% Wool"]),
    ],
)
async def test_q_finds_in_title_author_and_publisher_in_any_case(
    client: httpx2.AsyncClient, ada: Person, q: str, found: list[str]
) -> None:
    await add(client, ada, title="Dune", publisher="Ace Books")
    await add(client, ada, title="Les Dépossédés", author="Ursula K. Le Guin")
    await add(client, ada, title="Σίσυφος")
    await add(client, ada, title="Die Straße")
    for title in ("100% Wool", "snake_case", "and/or"):
        await add(client, ada, title=title)

    assert await titles(client, ada, q=q, limit="3") == found


async def test_a_changed_book_is_found_by_its_new_title_only(
    client: httpx2.AsyncClient, ada: Person
) -> None:
    book = await add(client, ada, title="Old")

    await client.patch(f"{BOOKS}/{book['id']}", json={"title": "New"}, headers=ada.headers)

    assert await titles(client, ada, q="old") == []
    assert await titles(client, ada, q="new") == ["New"]


# Failures


async def test_a_database_that_is_away_is_a_503(
    app: FastAPI, client: httpx2.AsyncClient, ada: Person
) -> None:
    nowhere = make_database("postgresql://bookly:secret@127.0.0.1:1/bookly")
    object.__setattr__(app.state.books, "database", nowhere)

    read = await client.get(BOOKS, headers=ada.headers)
    written = await client.post(BOOKS, json=CLEAN_CODE, headers=ada.headers)

    for answer in (read, written):
        assert_problem(answer, 503, "unavailable")
        assert int(answer.headers["Retry-After"]) > 0
        assert "127.0.0.1" not in answer.text


async def test_a_crash_is_a_problem_that_tells_nothing(
    app: FastAPI, client: httpx2.AsyncClient, ada: Person
) -> None:
    app.state.books = None

    answer = await client.get(BOOKS, headers=ada.headers)

    assert_problem(answer, 500, "internal_error")
    assert "NoneType" not in answer.text
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


# The sample catalogue


@on_both
async def test_the_samples_come_once_to_an_empty_shelf(
    app: FastAPI, client: httpx2.AsyncClient, ada: Person
) -> None:
    # As several workers do when they start.
    await asyncio.gather(*(app.state.books.add_samples() for _ in range(3)))
    shown = (await client.get(BOOKS, params={"limit": "100"}, headers=ada.headers)).json()["items"]
    removed = await client.delete(f"{BOOKS}/samples", headers=ada.headers)
    await app.state.books.add_samples()  # As at the next start.

    assert len(shown) == len({book["title"] for book in shown}) > 12
    assert all(book["is_sample"] for book in shown)
    assert removed.status_code == 204
    assert await titles(client, ada) == []


async def test_a_shelf_with_books_gets_no_samples(
    app: FastAPI, client: httpx2.AsyncClient, ada: Person
) -> None:
    await add(client, ada)

    await app.state.books.add_samples()
    shown = await titles(client, ada)
    await client.delete(f"{BOOKS}/samples", headers=ada.headers)

    assert shown == await titles(client, ada) == ["Clean Code"]


async def test_in_production_only_an_admin_removes_the_samples(
    app: FastAPI, client: httpx2.AsyncClient, ada: Person, admin: Person
) -> None:
    app.state.books = replace(app.state.books, users_remove_samples=False)
    await app.state.books.add_samples()

    refused = await client.delete(f"{BOOKS}/samples", headers=ada.headers)
    before = await titles(client, ada)
    await client.delete(f"{BOOKS}/samples", headers=admin.headers)

    assert_problem(refused, 403, "insufficient_role")
    assert before
    assert await titles(client, ada) == []


@pytest.mark.parametrize(
    ("variables", "added"),
    [({}, True), ({"BOOKLY_SAMPLES": "off"}, False)],
    ids=["in development", "switched off"],
)
async def test_the_first_start_adds_the_samples(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    migrated: Path,
    variables: dict[str, str],
    added: bool,
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    (tmp_path / "data").mkdir(mode=0o700)
    shutil.copy(migrated, tmp_path / "data")
    monkeypatch.setenv("TOKENPAIR_DATA_DIR", str(tmp_path / "data"))
    app = create_app(BooklySettings.read())

    async with app.router.lifespan_context(app):
        found = await app.state.books.page(limit=1, after=None)

    assert bool(found) == added


def test_production_has_no_samples_unless_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in PRODUCTION.items():
        monkeypatch.setenv(name, value)

    by_default = BooklySettings.read().samples
    monkeypatch.setenv("BOOKLY_SAMPLES", "true")

    assert (by_default, BooklySettings.read().samples) == (False, True)
