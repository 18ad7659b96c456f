import asyncio
from typing import Annotated
from uuid import UUID

import httpx2
import pytest
from fastapi import FastAPI
from pydantic import Field

from tests.http.conftest import bearer, on_both_storages, talking_to, told
from tokenpair import Auth, User
from tokenpair.fastapi import Profile, Text, install
from tokenpair.ports import Storage
from tokenpair.testing import PASSWORD, FakeClock, make_auth

pytestmark = on_both_storages


class Reader(Profile):
    """A profile with a required field and an optional one."""

    nickname: Annotated[Text, Field(min_length=2, max_length=20)]
    shelf: int | None = None


@pytest.fixture
def app(auth: Auth) -> FastAPI:
    app = FastAPI()
    install(app, auth, profile=Reader)
    return app


ADA = {"email": "ada@example.com", "password": PASSWORD, "nickname": "Ada"}


@pytest.mark.parametrize("path", ["/auth/signup", "/auth/signup/"])
async def test_an_address_and_a_password_make_an_account(
    client: httpx2.AsyncClient, clock: FakeClock, path: str
) -> None:
    response = await client.post(path, json=ADA)

    assert response.status_code == 201
    assert response.headers["cache-control"] == "no-store"
    user = response.json()
    assert UUID(user.pop("id"))
    assert user == {
        "email": "ada@example.com",
        "email_verified": False,
        "roles": [],
        "created_at": clock().isoformat().replace("+00:00", "Z"),
        "nickname": "Ada",
        "shelf": None,
    }


async def test_a_new_account_can_log_in(client: httpx2.AsyncClient) -> None:
    await client.post("/auth/signup", json=ADA)

    response = await client.post(
        "/auth/login", json={"email": "ada@example.com", "password": PASSWORD}
    )

    assert response.status_code == 200


@pytest.mark.parametrize("address", ["ada@example.com", "ADA@Example.COM", "Ada@EXAMPLE.com"])
async def test_an_address_has_one_account(client: httpx2.AsyncClient, address: str) -> None:
    await client.post("/auth/signup", json=ADA)

    response = await client.post("/auth/signup", json=ADA | {"email": address})

    assert told(response) == (409, "email_taken")
    assert address not in response.text


async def test_two_sign_ups_at_once_make_one_account(client: httpx2.AsyncClient) -> None:
    """A12."""
    answers = await asyncio.gather(*(client.post("/auth/signup", json=ADA) for _ in range(5)))

    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409, 409]


async def test_the_address_is_shown_as_it_was_typed(client: httpx2.AsyncClient) -> None:
    response = await client.post("/auth/signup", json=ADA | {"email": "Ada@Example.com"})

    assert response.json()["email"] == "Ada@Example.com"


@pytest.mark.parametrize(
    ("changes", "field", "reason"),
    [
        pytest.param({"password": "short"}, "password", "is shorter than 15", id="short_password"),
        pytest.param({"password": "password1234567"}, "password", "easily guessed", id="common"),
        pytest.param({"password": "x" * 1025}, "password", "1024", id="long_password"),
        pytest.param({"email": "ada"}, "email", "is not a valid", id="not_an_address"),
        pytest.param({"email": "a" * 321}, "email", "320", id="long_address"),
        pytest.param({"nickname": "A"}, "nickname", "at least 2", id="short_nickname"),
        pytest.param({"nickname": None}, "nickname", "valid string", id="null_nickname"),
        pytest.param({"shelf": "high"}, "shelf", "integer", id="shelf_no_number"),
    ],
)
async def test_an_invalid_field_is_named_with_a_reason(
    client: httpx2.AsyncClient, changes: dict[str, object], field: str, reason: str
) -> None:
    response = await client.post("/auth/signup", json=ADA | changes)

    assert told(response) == (422, "invalid_input")
    errors = response.json()["errors"]
    assert [error["field"] for error in errors] == [field]
    assert errors[0].keys() == {"field", "reason"}
    assert reason in errors[0]["reason"]


@pytest.mark.parametrize("field", ADA)
async def test_a_required_field_is_required(client: httpx2.AsyncClient, field: str) -> None:
    body = {name: value for name, value in ADA.items() if name != field}

    response = await client.post("/auth/signup", json=body)

    assert told(response) == (422, "invalid_input")
    assert response.json()["errors"] == [{"field": field, "reason": "is required"}]


async def test_a_password_made_of_the_own_address_is_refused(client: httpx2.AsyncClient) -> None:
    body = ADA | {
        "email": "wilhelmina.nightingale@example.com",
        "password": "wilhelminanightingale",
    }

    response = await client.post("/auth/signup", json=body)

    assert response.json()["errors"][0]["field"] == "password"


async def test_all_that_is_wrong_is_told_at_once(client: httpx2.AsyncClient) -> None:
    response = await client.post("/auth/signup", json={"email": 1, "password": 2})

    fields = {error["field"] for error in response.json()["errors"]}
    assert fields == {"email", "password", "nickname"}


async def test_a_failed_sign_up_leaves_nothing(client: httpx2.AsyncClient, auth: Auth) -> None:
    await client.post("/auth/signup", json=ADA | {"password": "short"})

    async with auth.storage.reading() as look:
        users: list[User] = await look.users.list(limit=10)

    assert users == []


class Subscriber(Profile):
    """A profile with defaults for its fields."""

    newsletter: bool = True
    plan: Text = "free"


async def test_a_field_that_is_left_out_has_its_default(storage: Storage) -> None:
    app = FastAPI()
    auth = make_auth(storage=storage)
    install(app, auth, profile=Subscriber)

    async with auth, talking_to(app) as client:
        body = {"email": "ada@example.com", "password": PASSWORD}
        signed_up = (await client.post("/auth/signup", json=body)).json()
        pair = (await client.post("/auth/login", json=body)).json()
        headers = bearer(pair["access_token"])
        changed = await client.patch("/auth/me", json={"plan": "paid"}, headers=headers)

    assert (signed_up["newsletter"], signed_up["plan"]) == (True, "free")
    assert (changed.json()["newsletter"], changed.json()["plan"]) == (True, "paid")
