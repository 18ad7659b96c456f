"""Mails of the endpoints: where their links lead, who gets them, and what tells of a token."""

import logging
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest
from fastapi import FastAPI

from tests.http.conftest import bearer, talking_to
from tests.smtp import mail_server, trusting
from tests.waiting import eventually
from tokenpair import Auth, MailOptions, Message
from tokenpair.core.smtp_url import parse_smtp_url
from tokenpair.fastapi import install
from tokenpair.mail.smtp import SmtpSender
from tokenpair.testing import PASSWORD, Inbox, make_auth, read_mails

ADA = {"email": "ada@example.com", "password": PASSWORD}
NEW = {"password": PASSWORD, "new_email": "countess@example.com"}
MAILED = {
    ("POST", "/auth/email/change"),
    ("POST", "/auth/email/change/confirm"),
    ("POST", "/auth/email/verify"),
    ("POST", "/auth/email/verify/request"),
    ("POST", "/auth/invitations/accept"),
    ("POST", "/auth/password/forgot"),
    ("POST", "/auth/password/reset"),
}


def app_with(auth: Auth) -> FastAPI:
    app = FastAPI()
    install(app, auth)
    return app


@pytest.fixture
def auth() -> Auth:
    options = MailOptions(sender=Inbox(), link_base_url="https://books.example.com")
    return make_auth(mail_options=options)


@pytest.fixture
async def client(auth: Auth) -> AsyncIterator[httpx2.AsyncClient]:
    async with talking_to(app_with(auth)) as client:
        yield client


def token_of(mail: Message) -> str:
    assert mail.link is not None
    return mail.link.partition("#token=")[2]


async def ask_for_all_mails(client: httpx2.AsyncClient, **headers: str) -> list[httpx2.Response]:
    """Send each request that mails a link; return the answers."""
    signed_up = await client.post("/auth/signup", json=ADA, headers=headers)
    pair = (await client.post("/auth/login", json=ADA)).json()
    headers |= bearer(pair["access_token"])
    return [
        signed_up,
        await client.post("/auth/password/forgot", json={"email": ADA["email"]}, headers=headers),
        await client.post("/auth/email/verify/request", headers=headers),
        await client.post("/auth/email/change", json=NEW, headers=headers),
    ]


@pytest.mark.parametrize(
    "name", ["Host", "X-Forwarded-Host", "X-Forwarded-Proto", "Forwarded", "Origin", "Referer"]
)
async def test_the_host_of_a_request_is_in_no_link(
    auth: Auth, client: httpx2.AsyncClient, name: str
) -> None:
    """A8."""
    value = "host=evil.example" if name == "Forwarded" else "evil.example"

    answers = await ask_for_all_mails(client, **{name: value})
    mails = await read_mails(auth)

    assert [each.status_code for each in answers] == [201, 202, 202, 202]
    linked = [each for each in mails if each.link]
    assert len(linked) == 4
    for mail in linked:
        assert mail.link is not None
        assert mail.link.startswith("https://books.example.com/")
    for mail in mails:
        text = f"{mail.text}{mail.html}{mail.subject}"
        # A token is random, and may contain these four letters.
        assert "evil" not in (text.replace(token_of(mail), "") if mail.link else text)


async def test_no_answer_and_no_log_has_the_token_of_a_mail(
    auth: Auth, client: httpx2.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    """A17."""
    caplog.set_level(logging.DEBUG)

    answers = await ask_for_all_mails(client)
    tokens = [token_of(each) for each in await read_mails(auth) if each.link]
    used = [await client.post("/auth/email/verify", json={"token": token}) for token in tokens] + [
        await client.post("/auth/email/change/confirm", json={"token": token}) for token in tokens
    ]

    assert {each.status_code for each in used} == {204, 400}
    told = caplog.text + "".join(f"{each.headers}{each.text}" for each in (*answers, *used))
    assert len(tokens) == 4
    assert not any(token in told for token in tokens)


async def test_a_forgotten_password_is_not_replaced_by_the_request(
    client: httpx2.AsyncClient,
) -> None:
    """A16."""
    await client.post("/auth/signup", json=ADA)
    body = {"email": ADA["email"], "new_password": "a password of an attacker's choice"}

    answer = await client.post("/auth/password/forgot", json=body)

    assert answer.status_code == 422
    assert (await client.post("/auth/login", json=ADA)).status_code == 200


async def test_a_link_that_arrived_over_smtp_verifies_the_address(tmp_path: Path) -> None:
    async with mail_server(tmp_path) as server:
        url = parse_smtp_url(f"smtp://localhost:{server.port}")
        sender = SmtpSender(url, tls=trusting(tmp_path))
        auth = make_auth(mail_options=MailOptions(sender=sender))
        async with auth, talking_to(app_with(auth)) as client:
            await client.post("/auth/signup", json=ADA)
            await eventually(lambda: len(server.raw) == 1)
            lines = server.raw[0].decode().splitlines()
            (link,) = [each for each in lines if each.startswith("https://auth.test/verify#")]

            answer = await client.post(
                "/auth/email/verify", json={"token": link.partition("#token=")[2]}
            )

            assert answer.status_code == 204
            user = (await client.post("/auth/login", json=ADA)).json()
            me = await client.get("/auth/me", headers=bearer(user["access_token"]))
            assert me.json()["email_verified"] is True


@pytest.mark.parametrize("is_on", [True, False], ids=["on", "off"])
async def test_without_mail_the_endpoints_that_need_it_are_left_out(*, is_on: bool) -> None:
    auth = make_auth(mail_options=MailOptions(is_on=is_on, sender=Inbox()))
    app = app_with(auth)
    paths = app.openapi()["paths"]
    served = {(method.upper(), path) for path, methods in paths.items() for method in methods}

    assert served & MAILED == (MAILED if is_on else set())


async def test_without_mail_the_other_endpoints_work_and_queue_nothing() -> None:
    auth = make_auth(mail_options=MailOptions(is_on=False))
    async with talking_to(app_with(auth)) as client:
        signed_up = await client.post("/auth/signup", json=ADA)
        pair = (await client.post("/auth/login", json=ADA)).json()
        body = {"current_password": PASSWORD, "new_password": "another long enough password"}
        changed = await client.post(
            "/auth/password/change", json=body, headers=bearer(pair["access_token"])
        )
        missing = await client.post("/auth/password/forgot", json={"email": ADA["email"]})

    assert (signed_up.status_code, changed.status_code, missing.status_code) == (201, 204, 404)
    async with auth.storage.reading() as look:
        assert await look.outbox.due(auth.clock(), limit=1) == []
