"""A field has one name in requests and answers, and is stored by its own."""

from typing import Any

import pytest
from fastapi import FastAPI
from pydantic import (
    AliasChoices,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    create_model,
    model_serializer,
)
from pydantic.alias_generators import to_camel, to_pascal

from tests.http.conftest import told
from tests.http.persons import CREDENTIALS, OURS, class_with, profile_of, signed_up
from tokenpair import Auth
from tokenpair.errors import ConfigurationError
from tokenpair.fastapi import (
    Profile,
    Text,
    install,
)


class Generated(Profile):
    """Generated aliases; a field is accepted by its own name, too."""

    model_config = ConfigDict(alias_generator=to_camel, validate_by_name=True)

    first_name: Text


class Aliased(Profile):
    """One explicit alias."""

    first_name: Text = Field(alias="firstName")


class BothAliases(Profile):
    """Two aliases that are the same."""

    first_name: Text = Field(serialization_alias="firstName", validation_alias="firstName")


class ShownByAlias(Profile):
    """A class that writes its aliases by default."""

    model_config = ConfigDict(alias_generator=to_camel, serialize_by_alias=True)

    first_name: Text


class Address(BaseModel):
    """A part of a profile, with aliases of its own."""

    model_config = ConfigDict(alias_generator=to_camel, extra="forbid")

    zip_code: str


class Resident(Profile):
    """A profile with a model inside."""

    model_config = ConfigDict(alias_generator=to_pascal)

    home_address: Address


class TestAliases:
    @pytest.mark.parametrize("kind", [Generated, Aliased, BothAliases, ShownByAlias])
    async def test_the_alias_is_the_name_on_the_wire_and_the_field_s_name_is_stored(
        self, auth: Auth, kind: type[Profile]
    ) -> None:
        async with signed_up(auth, kind, firstName="Ada") as ada:
            stored = await profile_of(auth)
            before = await ada.see()
            answer = await ada.patch({"firstName": "Eva"})

            assert (stored, before) == ({"first_name": "Ada"}, {"firstName": "Ada"})
            assert answer.json()["firstName"] == "Eva"
            assert await profile_of(auth) == {"first_name": "Eva"}
            assert (await ada.get("/auth/me")).keys() > OURS

    async def test_a_model_inside_has_its_aliases_too(self, auth: Auth) -> None:
        async with signed_up(auth, Resident, HomeAddress={"zipCode": "1"}) as ada:
            stored = await profile_of(auth)
            answer = await ada.patch({"HomeAddress": {"zipCode": "2"}})
            wrong = await ada.patch({"HomeAddress": {"zip_code": "3"}})

            assert stored == {"home_address": {"zip_code": "1"}}
            assert answer.json()["HomeAddress"] == {"zipCode": "2"}
            assert told(wrong) == (422, "invalid_input")
            assert await ada.see() == {"HomeAddress": {"zipCode": "2"}}

    async def test_the_field_s_name_is_taken_where_the_class_takes_it(self, auth: Auth) -> None:
        async with signed_up(auth, Generated, first_name="Ada") as ada:
            answer = await ada.patch({"first_name": "Eva"})

            assert answer.json()["firstName"] == "Eva"

    async def test_the_field_s_name_is_unknown_where_the_class_does_not_take_it(
        self, auth: Auth
    ) -> None:
        async with signed_up(auth, Aliased, firstName="Ada") as ada:
            answer = await ada.patch({"first_name": "Eva"})

            assert told(answer) == (422, "invalid_input")
            assert "Eva" not in answer.text

    @pytest.mark.parametrize("kind", [Generated, Aliased])
    async def test_a_field_is_not_given_by_both_names(
        self, auth: Auth, kind: type[Profile]
    ) -> None:
        both = {"first_name": "Eva", "firstName": "Eve"}
        async with signed_up(auth, kind, firstName="Ada") as ada:
            answer = await ada.patch(both)
            again = CREDENTIALS | {"email": "eve@example.com"} | both
            refused = await ada.client.post("/auth/signup", json=again)

            assert told(answer) == told(refused) == (422, "invalid_input")
            assert await ada.see() == {"firstName": "Ada"}


class Misnamed(BaseModel):
    """A model with different names in requests and in answers."""

    zip_code: str = Field(validation_alias="zip")


@pytest.mark.parametrize(
    "kind",
    [
        pytest.param(class_with(Field(validation_alias="firstName")), id="validation_alias"),
        pytest.param(class_with(Field(serialization_alias="firstName")), id="serialization_alias"),
        pytest.param(
            class_with(Field(validation_alias="a", serialization_alias="b")), id="two_aliases"
        ),
        pytest.param(
            class_with(Field(validation_alias=AliasChoices("firstName", "first_name"))),
            id="choices",
        ),
        pytest.param(
            class_with(Field(alias="firstName"), validate_by_alias=False, validate_by_name=True),
            id="validated_by_name_alone",
        ),
        pytest.param(class_with(Field(alias="other")), id="alias_of_another_field"),
        pytest.param(class_with(Field(exclude=True)), id="not_stored"),
    ],
)
def test_install_refuses_a_field_that_has_no_one_name(auth: Auth, kind: type[Profile]) -> None:
    with pytest.raises(ConfigurationError, match="first_name"):
        install(FastAPI(), auth, profile=kind)


@pytest.mark.parametrize("inside", [Misnamed, Misnamed | None, list[Misnamed], dict[str, Misnamed]])
def test_install_refuses_such_a_field_of_a_model_inside(auth: Auth, inside: Any) -> None:
    kind = create_model("Made", __base__=Profile, home=(inside, ...))

    with pytest.raises(ConfigurationError, match="'zip_code' of Misnamed"):
        install(FastAPI(), auth, profile=kind)


@pytest.mark.parametrize("kind", [SecretStr, SecretStr | None, list[SecretStr]])
def test_install_refuses_a_field_that_would_be_stored_as_asterisks(auth: Auth, kind: Any) -> None:
    profile = create_model("Made", __base__=Profile, pin=(kind, ...))

    with pytest.raises(ConfigurationError, match="'pin' of Made is a Pydantic secret"):
        install(FastAPI(), auth, profile=profile)


def test_install_refuses_a_profile_that_allows_any_field(auth: Auth) -> None:
    class Open(Profile):
        model_config = ConfigDict(extra="allow")

    with pytest.raises(ConfigurationError, match="Open must not have extra='allow'"):
        install(FastAPI(), auth, profile=Open)


def test_install_refuses_a_profile_that_is_written_as_a_whole(auth: Auth) -> None:
    class Whole(Profile):
        @model_serializer
        def write(self) -> str:
            return "all"

    with pytest.raises(ConfigurationError, match="Whole must not have a model_serializer"):
        install(FastAPI(), auth, profile=Whole)


@pytest.mark.parametrize("name", ["id", "email", "email_verified", "roles", "password"])
def test_an_alias_cannot_be_a_name_of_ours(auth: Auth, name: str) -> None:
    kind = class_with(Field(alias=name))

    with pytest.raises(ConfigurationError, match=name):
        install(FastAPI(), auth, profile=kind)


@pytest.mark.parametrize("name", ["email", "roles"])
def test_a_field_with_different_aliases_for_reading_and_writing_is_refused_too(
    auth: Auth, name: str
) -> None:
    field: Any = (str, Field(alias="other"))
    kind = create_model("Made", __base__=Profile, **{name: field})

    with pytest.raises(ConfigurationError, match=name):
        install(FastAPI(), auth, profile=kind)
