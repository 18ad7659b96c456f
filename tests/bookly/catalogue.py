"""Adding and listing books over HTTP."""

from typing import Any

import httpx2

from tests.bookly.conftest import Person

BOOKS = "/api/v1/books"


CLEAN_CODE = {
    "title": "Clean Code",
    "author": "Robert C. Martin",
    "publisher": "Prentice Hall",
    "published_date": "2008-08-01",
    "page_count": 464,
    "language": "English",
}


# Fixed, because pytest-xdist needs the same parameters in every process.
UNKNOWN_ID = "01890a5d-ac96-774b-bcce-b302099a8058"


async def add(client: httpx2.AsyncClient, owner: Person, **fields: object) -> dict[str, Any]:
    answer = await client.post(BOOKS, json={**CLEAN_CODE, **fields}, headers=owner.headers)
    assert answer.status_code == 201, answer.text
    book: dict[str, Any] = answer.json()
    return book


async def titles(client: httpx2.AsyncClient, who: Person, **query: str) -> list[str]:
    answer = await client.get(BOOKS, params=query, headers=who.headers)
    assert answer.status_code == 200, answer.text
    return [book["title"] for book in answer.json()["items"]]


def assert_problem(answer: httpx2.Response, status: int, code: str) -> dict[str, Any]:
    assert answer.headers["Content-Type"] == "application/problem+json", answer.text
    problem: dict[str, Any] = answer.json()
    assert (answer.status_code, problem["status"], problem["code"]) == (status, status, code)
    return problem
