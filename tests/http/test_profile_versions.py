"""A profile with a class that has changed since the account was stored."""

import logging
from enum import Enum
from typing import Annotated, Any, Literal, Self

import pytest
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ModelWrapValidatorHandler,
    PrivateAttr,
    ValidationInfo,
    create_model,
    field_validator,
    model_validator,
)

from tests.http.conftest import bearer, on_both_storages, talking_to, told
from tests.http.persons import Customer, Person, app_with, profile_of, stored_before
from tokenpair import Auth
from tokenpair.fastapi import (
    CurrentUser,
    Profile,
    Text,
)
from tokenpair.testing import a_user, login_as


class Plan(Enum):
    """The values of today; an earlier version had "gold"."""

    FREE = "free"
    SILVER = "silver"


class Place(BaseModel):
    """An earlier version had no town."""

    street: str
    town: str


class Stripped(Profile):
    """Its validator expects a string; an earlier version stored numbers."""

    nick: str = "x"
    shelf: int = 1

    @field_validator("nick", mode="before")
    @classmethod
    def strip(cls, value: str) -> str:
        return value.strip()


class InACountry(Profile):
    """Its validator expects a field that may be missing."""

    country: Literal["de", "fr"] = "de"
    city: str = "Berlin"
    shelf: int = 1

    @field_validator("city")
    @classmethod
    def tell_country(cls, value: str, info: ValidationInfo) -> str:
        assert info.data["country"]
        return value


class NamedByField(Profile):
    """Its errors have the fields' names, not their aliases."""

    model_config = ConfigDict(loc_by_alias=False)

    nick: Annotated[str, Field(alias="nickName", max_length=3)] = "x"
    shelf: int = 1


class Ordered(Profile):
    """Its two fields are valid alone, but not together."""

    shelf: int = 1
    last: int = 9

    @field_validator("last")
    @classmethod
    def come_last(cls, value: int, info: ValidationInfo) -> int:
        if value < info.data["shelf"]:
            raise ValueError("no")
        return value


# The class, the stored profile, the profile in the answer.
STUMBLING: list[tuple[type[Profile], dict[str, Any], dict[str, Any]]] = [
    (Stripped, {"nick": 5, "shelf": 7}, {"nick": "x", "shelf": 7}),
    (
        InACountry,
        {"country": "us", "city": "Paris", "shelf": 7},
        {"country": "de", "city": "Paris", "shelf": 7},
    ),
    (NamedByField, {"nick": "abcd", "shelf": 7}, {"nickName": "x", "shelf": 7}),
    (Ordered, {"shelf": 7, "last": 3}, {"shelf": 7, "last": 9}),
]


class Before(Profile):
    """Refuses everything before it reads the fields."""

    name: str
    shelf: int

    @model_validator(mode="before")
    @classmethod
    def refuse(cls, _: object) -> object:
        raise ValueError("no")


class Around(Profile):
    """Refuses everything instead of reading the fields."""

    name: str
    shelf: int

    @model_validator(mode="wrap")
    @classmethod
    def refuse(cls, _: object, __: ModelWrapValidatorHandler[Self]) -> Self:
        raise ValueError("no")


class AfterAll(Profile):
    """Refuses everything when an instance is made."""

    name: str
    shelf: int
    _made: int = PrivateAttr(default=1)

    def model_post_init(self, _: object, /) -> None:
        raise ValueError("no")


# By change: the type of today, the stored value, and a value that is valid today.
CHANGED: dict[str, tuple[Any, Any, Any]] = {
    "an enum has lost a member": (Plan, "gold", "free"),
    "text has become a number": (int, "unknown", 3),
    "a literal has shrunk": (Literal["a"], "b", "a"),
    "a model has a new field": (Place, {"street": "x"}, {"street": "x", "town": "y"}),
    "text has become a list": (list[str], "x", ["x"]),
    "a limit is lower": (Annotated[str, Field(max_length=3)], "abcd", "abc"),
}


@on_both_storages
class TestAccountsOfAnEarlierVersion:
    @pytest.mark.parametrize("what", CHANGED)
    async def test_a_value_that_no_longer_fits_is_left_out(self, auth: Auth, what: str) -> None:
        kind, stored, right = CHANGED[what]
        profile = create_model("Now", __base__=Profile, thing=(kind, ...), shelf=(int, 1))
        async with stored_before(auth, profile, thing=stored, shelf=7) as ada:
            before = await ada.see()
            unrelated = await ada.patch({"shelf": 8})
            answer = await ada.patch({"thing": right})

            assert before == {"shelf": 7}
            # Required by sign-up, so also by a change.
            assert told(unrelated) == (422, "invalid_input")
            assert unrelated.json()["errors"] == [{"field": "thing", "reason": "is required"}]
            assert answer.status_code == 200
            assert await ada.see() == {"thing": right, "shelf": 7}
            assert await profile_of(auth) == {"thing": right, "shelf": 7}

    @pytest.mark.parametrize("what", CHANGED)
    async def test_a_value_that_no_longer_fits_gives_way_to_the_default(
        self, auth: Auth, what: str
    ) -> None:
        kind, stored, right = CHANGED[what]
        profile = create_model("Now", __base__=Profile, thing=(kind | None, None), shelf=(int, 1))
        async with stored_before(auth, profile, thing=stored) as ada:
            before = await ada.see()
            unrelated = await ada.patch({"shelf": 8})
            answer = await ada.patch({"thing": right})

            assert before == {"thing": None, "shelf": 1}
            assert unrelated.json()["thing"] is None
            assert answer.json()["thing"] == right

    async def test_a_field_that_was_added_has_its_default(self, auth: Auth) -> None:
        class Now(Profile):
            newsletter: bool = True
            tags: list[str] = Field(default_factory=lambda: ["new"])

        app = app_with(auth, Now)

        @app.get("/mine")
        async def mine(user: CurrentUser) -> dict[str, Any]:
            return user.profile

        async with auth, talking_to(app) as client:
            pair = await login_as(auth, await a_user(auth))
            ada = Person(client, bearer(pair.access_token))

            assert await ada.see() == {"newsletter": True, "tags": ["new"]}
            assert await ada.get("/mine") == {"newsletter": True, "tags": ["new"]}
            assert await profile_of(auth) == {}

    async def test_a_field_that_was_given_up_is_dropped_by_the_next_change(
        self, auth: Auth
    ) -> None:
        class Now(Profile):
            shelf: int = 1

        async with stored_before(auth, Now, shelf=2, gone="x") as ada:
            before = await ada.see()
            await ada.patch({"shelf": 3})

            assert before == {"shelf": 2}
            assert await profile_of(auth) == {"shelf": 3}

    async def test_where_only_the_whole_is_refused_each_field_is_shown(self, auth: Auth) -> None:
        stored = {"username": "ada", "country": "us", "phone": "+49"}
        async with stored_before(auth, Customer, **stored) as ada:
            seen = await ada.see()
            refused = await ada.patch({"bio": "hi"})
            mended = await ada.patch({"phone": "+1555"})

            assert seen == stored | {"nick": "x", "bio": ""}
            assert told(refused) == (422, "invalid_input")
            assert mended.status_code == 200

    @pytest.mark.parametrize(
        ("kind", "stored", "shown"), STUMBLING, ids=[each[0].__name__ for each in STUMBLING]
    )
    async def test_a_validator_that_stumbles_over_a_stored_value_leaves_it_out(
        self, auth: Auth, kind: type[Profile], stored: dict[str, Any], shown: dict[str, Any]
    ) -> None:
        async with stored_before(auth, kind, **stored) as ada:
            seen = await ada.see()
            changed = await ada.patch({"shelf": 8})

            assert seen == shown
            assert changed.status_code == 200
            assert await ada.see() == shown | {"shelf": 8}

    @pytest.mark.parametrize("kind", [Before, Around, AfterAll])
    async def test_so_it_is_where_any_part_of_the_class_refuses_the_whole(
        self, auth: Auth, kind: type[Profile]
    ) -> None:
        async with stored_before(auth, kind, name="ada", shelf="x") as ada:
            assert await ada.see() == {"name": "ada"}

    async def test_it_is_logged_once_by_the_field_s_name(
        self, auth: Auth, caplog: pytest.LogCaptureFixture
    ) -> None:
        class Now(Profile):
            shelf: int = 1
            row: int = 1
            town: Text

        with caplog.at_level(logging.WARNING):
            async with stored_before(auth, Now, shelf="hunter2", row=2) as ada:
                for _ in range(3):
                    await ada.see()

        told_of = [record.getMessage() for record in caplog.records]
        assert len(told_of) == 2
        assert [name for name in ("shelf", "row", "town") if f"'{name}'" in "".join(told_of)] == [
            "shelf",
            "town",
        ]
        assert "hunter2" not in caplog.text
