"""`CurrentUser`, and the same with the app's own class."""

from datetime import date
from typing import Annotated, Any, assert_type
from uuid import UUID

import pytest
from fastapi import Depends, FastAPI
from pydantic import (
    Field,
    computed_field,
)

from tests.http.conftest import bearer, talking_to
from tests.http.persons import Customer, Person, app_with, class_with
from tokenpair import Auth, User
from tokenpair.errors import ConfigurationError
from tokenpair.fastapi import (
    CurrentUser,
    Profile,
    Text,
    current_user,
    current_user_with,
    install,
)
from tokenpair.testing import PASSWORD, a_user, login_as


class Reader(Profile):
    """What `CurrentUser` is typed with."""

    username: Text | None = None
    born: date | None = None
    shelf: int = 7
    tags: list[str] = Field(default_factory=list)

    @computed_field  # type: ignore[prop-decorator]  # As Pydantic's documentation has it.
    @property
    def label(self) -> str:
        return f"{self.username}/{self.shelf}"


CurrentReader = Annotated[User[Reader], Depends(current_user_with(Reader))]


class TestCurrentUser:
    async def test_it_can_be_typed_with_the_app_s_class(self, auth: Auth) -> None:
        app = app_with(auth, Reader)

        @app.get("/typed")
        async def typed(user: CurrentReader) -> Any:
            assert_type(user.profile, Reader)
            assert_type(user.id, UUID)
            assert isinstance(user.profile, Reader)
            year = user.profile.born.year if user.profile.born else None
            return [user.email.typed, user.profile.username, year, user.profile.label]

        @app.get("/untyped")
        async def untyped(user: CurrentUser) -> Any:
            assert_type(user.profile, dict[str, Any])
            return user.profile

        async with auth, talking_to(app) as client:
            profile = {"username": "ada", "born": "1815-12-10", "gone": 1}
            user = await auth.sign_up(email="ada@example.com", password=PASSWORD, profile=profile)
            pair = await login_as(auth, user)
            ada = Person(client, bearer(pair.access_token))

            assert await ada.get("/typed") == ["ada@example.com", "ada", 1815, "ada/7"]
            assert await ada.get("/untyped") == {
                "username": "ada",
                "born": "1815-12-10",
                "shelf": 7,
                "tags": [],
            }

    async def test_it_can_be_returned(self, auth: Auth) -> None:
        app = app_with(auth, Reader)

        @app.get("/typed")
        async def typed(user: CurrentReader) -> User[Reader]:
            return user

        @app.get("/bare", response_model=None)
        async def bare(user: CurrentReader) -> Any:
            return {"user": user}

        async with auth, talking_to(app) as client:
            pair = await login_as(auth, await a_user(auth))
            ada = Person(client, bearer(pair.access_token))

            typed_answer = await ada.get("/typed")
            assert typed_answer["profile"]["shelf"] == 7
            assert (await ada.get("/bare"))["user"]["profile"] == typed_answer["profile"]

    async def test_an_endpoint_answers_for_an_account_without_a_required_field(
        self, auth: Auth
    ) -> None:
        app = app_with(auth, Customer)
        CurrentCustomer = Annotated[User[Customer], Depends(current_user_with(Customer))]  # noqa: N806

        @app.get("/mine")
        async def mine(user: CurrentCustomer) -> list[Any]:
            return [user.profile.country, hasattr(user.profile, "username")]

        async with auth, talking_to(app) as client:
            pair = await login_as(auth, await a_user(auth))

            assert await Person(client, bearer(pair.access_token)).get("/mine") == ["de", False]

    async def test_without_a_class_it_is_as_it_is_stored(self, auth: Auth) -> None:
        app = FastAPI()
        install(app, auth)

        @app.get("/mine")
        async def mine(user: CurrentUser) -> dict[str, Any]:
            return user.profile

        async with auth, talking_to(app) as client:
            user = await auth.sign_up(
                email="ada@example.com", password=PASSWORD, profile={"anything": 1}
            )
            pair = await login_as(auth, user)

            assert await Person(client, bearer(pair.access_token)).get("/mine") == {"anything": 1}

    async def test_a_test_that_replaces_current_user_replaces_it_typed(self, auth: Auth) -> None:
        app = app_with(auth, Reader)

        @app.get("/mine")
        async def mine(user: CurrentReader) -> str | None:
            return user.profile.username

        async with auth, talking_to(app) as client:
            user = (await a_user(auth)).with_profile({"username": "stand-in"})
            app.dependency_overrides[current_user] = lambda: user

            assert (await client.get("/mine")).json() == "stand-in"

    def test_a_class_that_install_refuses_is_refused(self) -> None:
        with pytest.raises(ConfigurationError, match="first_name"):
            current_user_with(class_with(Field(validation_alias="firstName")))
