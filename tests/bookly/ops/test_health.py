import asyncio
import time

import httpx2
import pytest
import sqlalchemy as sa
from fastapi import FastAPI

from bookly.ops.health import SHARED_SECONDS
from tokenpair import Condition, Health
from tokenpair.errors import Unavailable
from tokenpair.fastapi.registry import installed
from tokenpair.testing import FakeClock

REASON = "the database postgresql://bookly@db.internal does not answer"


async def _fail(_: object) -> None:
    raise Unavailable(REASON)


async def _report() -> Health:
    return Health(database=Condition.FAILING, reasons=(REASON,))


@pytest.fixture
def away(app: FastAPI, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the database unreachable."""
    monkeypatch.setattr(installed(app)["/api/v1/auth"].storage, "health", _fail)
    monkeypatch.setattr(app.state.database, "health", _report)


CHECKS = dict.fromkeys(("database", "migrations", "clock", "feed"), "ok")


async def test_it_is_alive(client: httpx2.AsyncClient) -> None:
    answer = await client.get("/health/live")

    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("path", ["/health/live", "/health/ready"])
async def test_a_head_request_is_answered(client: httpx2.AsyncClient, path: str) -> None:
    assert (await client.head(path)).status_code == 200


@pytest.mark.parametrize("path", ["/health/ready", "/health/ready/"])
async def test_it_is_ready_and_all_is_well(client: httpx2.AsyncClient, path: str) -> None:
    answer = await client.get(path)

    assert (answer.status_code, answer.json()) == (200, {"status": "ok", "checks": CHECKS})
    assert answer.headers["Cache-Control"] == "no-store"


async def test_without_its_own_connections_it_is_not_ready(
    app: FastAPI, client: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail() -> Health:
        reason = "the pool of bookly@db.internal is exhausted"
        return Health(database=Condition.FAILING, reasons=(reason,))

    monkeypatch.setattr(app.state.database, "health", fail)

    answer = await client.get("/health/ready")

    expected = CHECKS | {"database": "failing", "migrations": "unknown"}
    assert (answer.status_code, answer.json()["checks"]) == (503, expected)
    assert "db.internal" not in answer.text


async def test_a_flood_of_questions_looks_at_the_database_once(
    app: FastAPI, client: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[str] = []
    health = app.state.database.health

    async def counted() -> object:
        looks.append("look")
        return await health()

    monkeypatch.setattr(app.state.database, "health", counted)

    began = time.monotonic()
    answers = await asyncio.gather(*(client.get("/health/ready") for _ in range(100)))
    took = time.monotonic() - began

    assert {answer.status_code for answer in answers} == {200}
    # A busy machine may need more than a second for all of them.
    assert len(looks) <= 1 + took / SHARED_SECONDS


@pytest.mark.usefixtures("away")
async def test_without_a_database_it_is_alive_and_not_ready(
    client: httpx2.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    live = await client.get("/health/live")
    ready = await client.get("/health/ready")

    assert (live.status_code, live.json()) == (200, {"status": "ok"})
    assert (ready.status_code, ready.json()["code"]) == (503, "unavailable")
    assert ready.headers["Content-Type"] == "application/problem+json"
    assert int(ready.headers["Retry-After"]) > 0
    assert ready.json()["checks"]["database"] == "failing"
    assert "db.internal" not in ready.text
    assert caplog.text.count("does not answer") == 1


@pytest.mark.parametrize("url", ["postgres"], indirect=True)
async def test_with_another_time_than_the_databases_it_is_not_ready(
    client: httpx2.AsyncClient, clock: FakeClock
) -> None:
    clock.advance(days=-1)

    answer = await client.get("/health/ready")

    assert (answer.status_code, answer.json()["checks"]) == (503, CHECKS | {"clock": "failing"})


@pytest.mark.parametrize("table", ["tokenpair_migration", "bookly_migration"])
async def test_without_its_tables_it_is_not_ready(
    app: FastAPI, client: httpx2.AsyncClient, table: str
) -> None:
    """The library's, or Bookly's own."""
    async with app.state.database.writing() as session:
        await session.execute(sa.text(f"DELETE FROM {table}"))

    answer = await client.get("/health/ready")

    assert (answer.status_code, answer.json()["checks"]) == (
        503,
        CHECKS | {"migrations": "failing"},
    )
    assert "db upgrade" not in answer.text


async def test_the_log_says_what_is_amiss(
    app: FastAPI, client: httpx2.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    async with app.state.database.writing() as session:
        await session.execute(sa.text("DELETE FROM bookly_migration"))

    await client.get("/health/ready")

    assert f"the database {app.state.database.name} is not migrated" in caplog.text
    assert "run: bookly db upgrade" in caplog.text


@pytest.mark.parametrize("path", ["/health/live", "/api/v1/books", "/nothing", "/docs"])
async def test_every_answer_makes_the_browser_careful(
    client: httpx2.AsyncClient, path: str
) -> None:
    headers = (await client.get(path)).headers

    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'"
