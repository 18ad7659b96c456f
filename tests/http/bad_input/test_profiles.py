"""Invalid fields of a profile."""

from collections.abc import AsyncIterator
from typing import Annotated, Literal
from uuid import UUID
from zoneinfo import ZoneInfo

import httpx2
import pytest
from fastapi import FastAPI
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from tests.http.bad_input.sending import CANARY, assert_no_echo, body
from tests.http.conftest import bearer, talking_to, told
from tokenpair import Auth, TokenPair
from tokenpair.fastapi import Profile, Text, install
from tokenpair.testing import PASSWORD, login_as


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
    raise ValueError(f"{text} is not valid")


class Keeper(Profile):
    """A profile with models in its fields."""

    pet: Annotated[Cat | Dog, Field(discriminator="kind")] | None = None
    settings: Settings = Settings()
    scores: dict[Text, int] = {}  # noqa: RUF012  A field's default, which Pydantic copies.
    ticket: UUID | None = None
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
    "uuid": {"ticket": CANARY},
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
        {"field": "settings.colour", "reason": "is an unknown field"}
    ]


async def test_not_one_character_of_a_value_is_repeated(
    keepers: httpx2.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    """W11."""
    response = await keepers.post("/auth/signup", json=body(ticket="\u2603"))

    assert told(response) == (422, "invalid_input")
    assert [error["field"] for error in response.json()["errors"]] == ["ticket"]
    assert "\u2603" not in response.text + caplog.text
