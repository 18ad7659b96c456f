"""The breach check of an app, as a client sees it."""

import httpx2
import pytest
from fastapi import FastAPI

from tests.http.conftest import told
from tokenpair import BreachOptions
from tokenpair.fastapi import install
from tokenpair.testing import PASSWORD, make_auth

ADA = {"email": "ada@example.com", "password": PASSWORD}


class Everything:
    async def is_breached(self, password: str) -> bool:
        return bool(password)


class Failing:
    async def is_breached(self, password: str) -> bool:
        raise LookupError(password)


async def signing_up(breaches: BreachOptions) -> httpx2.Response:
    app = FastAPI()
    install(app, make_auth(breaches=breaches))
    transport = httpx2.ASGITransport(app=app)
    async with httpx2.AsyncClient(transport=transport, base_url="https://auth.test") as client:
        return await client.post("/auth/signup", json=ADA)


async def test_a_breached_password_is_a_422_that_names_the_field() -> None:
    answer = await signing_up(BreachOptions(check=Everything()))

    assert told(answer) == (422, "invalid_input")
    assert [each["field"] for each in answer.json()["errors"]] == ["password"]
    assert PASSWORD not in answer.text


async def test_a_required_check_that_fails_is_a_503_and_nothing_leaks(
    caplog: pytest.LogCaptureFixture,
) -> None:
    answer = await signing_up(BreachOptions(check=Failing(), required=True))

    assert told(answer) == (503, "unavailable")
    assert answer.headers["retry-after"]
    assert PASSWORD not in answer.text + caplog.text
