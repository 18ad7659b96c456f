"""OpenAPI describes a profile as it is sent and answered."""

from datetime import date
from typing import Any

from pydantic import (
    ConfigDict,
    Field,
    computed_field,
    field_serializer,
)
from pydantic.alias_generators import to_camel

from tests.http.persons import OURS, app_with, signed_up
from tokenpair import Auth
from tokenpair.fastapi import (
    Profile,
    Text,
)


class Described(Profile):
    """A profile that OpenAPI describes."""

    model_config = ConfigDict(alias_generator=to_camel)

    first_name: Text = Field(description="Given name", min_length=2)
    home_town: Text | None = None
    shelf: int = 3
    born: date = date(2000, 1, 1)

    @field_serializer("shelf")
    def as_text(self, value: int) -> str:
        return str(value)

    @computed_field  # type: ignore[prop-decorator]  # As Pydantic's documentation has it.
    @property
    def label(self) -> str:
        return self.first_name


def schemas_of(auth: Auth, profile: type[Profile]) -> dict[str, Any]:
    schemas: dict[str, Any] = app_with(auth, profile).openapi()["components"]["schemas"]
    return schemas


class TestOpenApi:
    def test_sign_up_has_the_names_on_the_wire_and_the_defaults(self, auth: Auth) -> None:
        schema = schemas_of(auth, Described)["SignUp"]

        assert set(schema["properties"]) == {
            *("email", "password", "firstName", "homeTown", "shelf", "born"),
        }
        assert set(schema["required"]) == {"email", "password", "firstName"}
        assert schema["properties"]["firstName"]["minLength"] == 2
        assert schema["properties"]["firstName"]["description"] == "Given name"
        assert schema["properties"]["born"]["default"] == "2000-01-01"
        assert schema["properties"]["born"]["format"] == "date"
        assert schema["additionalProperties"] is False

    def test_a_change_needs_no_field_and_has_no_default(self, auth: Auth) -> None:
        schema = schemas_of(auth, Described)["ProfileChanges"]

        assert set(schema["properties"]) == {"firstName", "homeTown", "shelf", "born"}
        assert "required" not in schema
        assert [each for each in schema["properties"].values() if "default" in each] == []
        assert schema["properties"]["firstName"]["type"] == "string"
        assert schema["additionalProperties"] is False

    def test_a_user_has_all_but_what_an_old_account_may_lack(self, auth: Auth) -> None:
        schema = schemas_of(auth, Described)["UserInfo"]

        assert set(schema["properties"]) == OURS | {"firstName", "homeTown", "shelf", "born"}
        assert set(schema["required"]) == OURS | {"homeTown", "shelf", "born"}
        assert schema["properties"]["firstName"]["type"] == "string"
        assert schema["properties"]["shelf"]["type"] == "string"

    def test_no_profile_no_change(self, auth: Auth) -> None:
        schemas = schemas_of(auth, Profile)

        assert set(schemas["UserInfo"]["properties"]) == OURS
        assert "ProfileChanges" not in schemas

    async def test_the_answers_are_as_described(self, auth: Auth) -> None:
        async with signed_up(auth, Described, firstName="Ada", shelf=4) as ada:
            answer = (await ada.patch({"homeTown": "London"})).json()

            assert answer == await ada.get("/auth/me")
            assert answer.keys() == OURS | {"firstName", "homeTown", "shelf", "born"}
            assert (answer["shelf"], answer["born"]) == ("4", "2000-01-01")
