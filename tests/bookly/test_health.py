import httpx2
import pytest
from fastapi import FastAPI

from tokenpair.errors import Unavailable
from tokenpair.fastapi.bearer import installed
from tokenpair.testing import FakeClock


async def _fail(_: object) -> None:
    raise Unavailable("the database postgresql://bookly@db.internal does not answer")


@pytest.fixture
def away(app: FastAPI, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the database go away."""
    monkeypatch.setattr(installed(app)["/api/v1/auth"].storage, "check", _fail)


@pytest.mark.parametrize("path", ["/health/live", "/health/ready", "/health/ready/"])
async def test_all_is_well(client: httpx2.AsyncClient, path: str) -> None:
    answer = await client.get(path)

    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.usefixtures("away")
async def test_without_a_database_it_is_alive_and_not_ready(client: httpx2.AsyncClient) -> None:
    live = await client.get("/health/live")
    ready = await client.get("/health/ready")

    assert (live.status_code, live.json()) == (200, {"status": "ok"})
    assert (ready.status_code, ready.json()["code"]) == (503, "unavailable")
    assert ready.headers["Content-Type"] == "application/problem+json"
    assert int(ready.headers["Retry-After"]) > 0
    assert "db.internal" not in ready.text


@pytest.mark.parametrize("url", ["postgres"], indirect=True)
async def test_with_another_time_than_the_databases_it_is_not_ready(
    client: httpx2.AsyncClient, clock: FakeClock
) -> None:
    clock.advance(days=-1)

    assert (await client.get("/health/ready")).status_code == 503


@pytest.mark.parametrize("path", ["/health/live", "/api/v1/books", "/nothing", "/"])
async def test_every_answer_makes_the_browser_careful(
    client: httpx2.AsyncClient, path: str
) -> None:
    headers = (await client.get(path)).headers

    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'"
