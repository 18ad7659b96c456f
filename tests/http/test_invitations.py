"""`POST /invitations/accept`."""

from typing import Annotated

import httpx2
import pytest
from fastapi import FastAPI
from pydantic import Field

from tests.http.conftest import talking_to, told
from tokenpair import Auth, SignUpMode
from tokenpair.core.mail import MailPurpose
from tokenpair.errors import ConfigurationError
from tokenpair.fastapi import Profile, Text, install
from tokenpair.options import MailOptions
from tokenpair.testing import PASSWORD, a_user, make_auth, read_mails

PATH = "/auth/invitations/accept"


class Reader(Profile):
    nickname: Annotated[Text, Field(min_length=2)]


@pytest.fixture
def app(auth: Auth) -> FastAPI:
    app = FastAPI()
    install(app, auth, profile=Reader)
    return app


async def body_of(auth: Auth, email: str = "ada@example.com") -> dict[str, object]:
    """Invite an address; return the body that accepts the invitation."""
    await auth.invite(email=email, roles=frozenset({"editor"}))
    (mail,) = [each for each in await read_mails(auth) if each.purpose is MailPurpose.INVITATION]
    assert mail.link
    token = mail.link.partition("#token=")[2]
    return {"token": token, "password": PASSWORD, "nickname": "Ada"}


async def test_an_invited_user_gets_an_account(client: httpx2.AsyncClient, auth: Auth) -> None:
    response = await client.post(PATH, json=await body_of(auth))

    assert response.status_code == 201
    assert response.headers["cache-control"] == "no-store"
    user = response.json()
    assert {**user, "id": "", "created_at": ""} == {
        "id": "",
        "email": "ada@example.com",
        "email_verified": True,
        "roles": ["editor"],
        "created_at": "",
        "nickname": "Ada",
    }
    credentials = {"email": "ada@example.com", "password": PASSWORD}
    assert (await client.post("/auth/login", json=credentials)).status_code == 200


async def test_every_invalid_token_has_the_same_answer(
    client: httpx2.AsyncClient, auth: Auth
) -> None:
    taken = await body_of(auth, "bob@example.com")
    await a_user(auth, "bob@example.com")
    used = await body_of(auth)
    await client.post(PATH, json=used)
    tokens = ["", "x", "A" * 64, str(used["token"]) + " ", used["token"], taken["token"]]

    answers = [await client.post(PATH, json=used | {"token": each}) for each in tokens]

    assert [told(each) for each in answers] == [(400, "mail_token_invalid")] * len(tokens)
    assert len({each.content for each in answers}) == 1
    assert len({str(sorted(each.headers.items())) for each in answers}) == 1


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_a_mail_scanner_uses_nothing_up(
    client: httpx2.AsyncClient, auth: Auth, method: str
) -> None:
    body = await body_of(auth)

    await client.request(method, PATH, params={"token": str(body["token"])})

    assert (await client.post(PATH, json=body)).status_code == 201


async def test_all_that_is_wrong_is_told_at_once_and_uses_nothing_up(
    client: httpx2.AsyncClient, auth: Auth
) -> None:
    body = await body_of(auth)

    response = await client.post(PATH, json={"token": body["token"], "password": 1})

    assert told(response) == (422, "invalid_input")
    assert {each["field"] for each in response.json()["errors"]} == {"password", "nickname"}
    assert str(body["token"]) not in response.text
    assert (await client.post(PATH, json=body)).status_code == 201


async def test_a_short_password_is_refused(client: httpx2.AsyncClient, auth: Auth) -> None:
    body = await body_of(auth)

    response = await client.post(PATH, json=body | {"password": "short"})

    assert told(response) == (422, "invalid_input")
    assert [each["field"] for each in response.json()["errors"]] == ["password"]


@pytest.mark.parametrize(
    ("mode", "mail", "is_there"),
    [
        (SignUpMode.OPEN, True, True),
        (SignUpMode.INVITED, True, True),
        (SignUpMode.CLOSED, True, False),
        (SignUpMode.INVITED, False, False),
    ],
    ids=["open", "invited", "closed", "without_mail"],
)
async def test_the_endpoint_is_there_where_invitations_are(
    mode: SignUpMode, mail: bool, is_there: bool
) -> None:
    app = FastAPI()
    auth = make_auth(sign_up=mode, mail_options=None if mail else MailOptions(is_on=False))
    install(app, auth)

    async with auth, talking_to(app) as client:
        response = await client.post(PATH, json={"token": "x", "password": PASSWORD})

    assert response.status_code == (400 if is_there else 404)


def test_a_profile_field_cannot_be_named_token() -> None:
    class Holder(Profile):
        token: Text = ""

    with pytest.raises(ConfigurationError, match="cannot be named 'token'"):
        install(FastAPI(), make_auth(), profile=Holder)
