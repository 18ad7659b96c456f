"""Accounts of an app with a profile, and the requests of their owners."""

from contextlib import asynccontextmanager
from typing import Annotated, Any, Self

import httpx2
from fastapi import FastAPI
from pydantic import (
    AfterValidator,
    ConfigDict,
    Field,
    create_model,
    field_validator,
    model_validator,
)

from tests.http.conftest import bearer, talking_to
from tokenpair import Auth
from tokenpair.fastapi import (
    Profile,
    Text,
    WrongValue,
    install,
)
from tokenpair.testing import PASSWORD, login_as

CREDENTIALS = {"email": "ada@example.com", "password": PASSWORD}
OURS = {"id", "email", "email_verified", "roles", "created_at"}


class Person:
    """One account of an app, and its token."""

    def __init__(self, client: httpx2.AsyncClient, headers: dict[str, str]) -> None:
        self.client = client
        self.headers = headers

    async def see(self) -> dict[str, Any]:
        response = await self.client.get("/auth/me", headers=self.headers)
        assert response.status_code == 200
        return {name: value for name, value in response.json().items() if name not in OURS}

    async def patch(self, body: Any) -> httpx2.Response:
        return await self.client.patch("/auth/me", json=body, headers=self.headers)

    async def patch_raw(self, body: str) -> httpx2.Response:
        headers = self.headers | {"Content-Type": "application/json"}
        return await self.client.patch("/auth/me", content=body.encode(), headers=headers)

    async def get(self, path: str) -> Any:
        return (await self.client.get(path, headers=self.headers)).json()


def app_with(auth: Auth, profile: type[Profile]) -> FastAPI:
    app = FastAPI()
    install(app, auth, profile=profile)
    return app


@asynccontextmanager
async def signed_up(auth: Auth, profile: type[Profile], **fields: Any) -> Any:
    """Sign a user up through the app, and log in."""
    async with auth, talking_to(app_with(auth, profile)) as client:
        answer = await client.post("/auth/signup", json=CREDENTIALS | fields)
        assert answer.status_code == 201, answer.text
        pair = (await client.post("/auth/login", json=CREDENTIALS)).json()
        yield Person(client, bearer(pair["access_token"]))


@asynccontextmanager
async def stored_before(auth: Auth, profile: type[Profile], **fields: Any) -> Any:
    """Store an account of an earlier version, with this profile, unchecked."""
    async with auth, talking_to(app_with(auth, profile)) as client:
        user = await auth.sign_up(email="ada@example.com", password=PASSWORD, profile=fields)
        pair = await login_as(auth, user)
        yield Person(client, bearer(pair.access_token))


async def profile_of(auth: Auth) -> dict[str, Any]:
    async with auth.storage.reading() as look:
        (user,) = await look.users.list(limit=2)
    return user.profile


def not_admin(text: str) -> str:
    if text.lower() == "admin":
        raise WrongValue("is reserved")
    return text


class Customer(Profile):
    """A profile with every kind of validation that an app can have."""

    model_config = ConfigDict(str_strip_whitespace=True)

    username: Text
    nick: Annotated[Text, AfterValidator(not_admin)] = "x"
    bio: Text = Field("", max_length=5)
    phone: Annotated[str, Field(pattern=r"^\+\d+$")] = "+1"
    country: Text = "de"

    @field_validator("username")
    @classmethod
    def is_free(cls, value: str) -> str:
        if value.lower() in {"admin", "root"}:
            raise WrongValue("is reserved")
        return value.lower()

    @model_validator(mode="after")
    def phone_fits_country(self) -> Self:
        if self.country == "us" and not self.phone.startswith("+1"):
            raise ValueError("phone +1 does not fit the country")
        return self


def class_with(field: Any, **config: Any) -> type[Profile]:
    """Make a profile with a given field `first_name`, and a field `other`."""
    settings: Any = config

    class Configured(Profile):
        model_config = settings

    return create_model("Made", __base__=Configured, first_name=(str, field), other=(int, 0))
