"""What holds for every endpoint that `install` adds, also for those that will be added.

The endpoints and the tokens that they need are read from the OpenAPI document.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI

from tests.http.bad_input.sending import TARGETS
from tests.http.conftest import bearer, on_both_storages, told
from tokenpair import Auth, TokenPair, User
from tokenpair.fastapi import Profile, Text, install
from tokenpair.testing import FakeClock, make_auth

ID = "019a0000-0000-7000-8000-000000000000"


class Nicknamed(Profile):
    nickname: Text = ""


@dataclass(frozen=True)
class Called:
    """An endpoint, with a body that is right by itself."""

    method: str
    path: str
    needs: str
    body: dict[str, object] | None

    async def __call__(self, client: httpx2.AsyncClient, token: str = "") -> httpx2.Response:
        content = None if self.body is None else json.dumps(self.body)
        headers = bearer(token) if token else {}
        if content is not None:
            headers["Content-Type"] = "application/json"
        return await client.request(self.method, self.path, content=content, headers=headers)

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


def described() -> list[Called]:
    app = FastAPI()
    install(app, make_auth(), profile=Nicknamed)
    bodies = {(each.method, each.path): each.body for each in TARGETS} | {("PATCH", "/auth/me"): {}}
    document: Any = app.openapi()
    found = [
        Called(
            method.upper(),
            path.replace("{session_id}", ID),
            " or ".join(sorted(each for scheme in operation["security"] for each in scheme)),
            bodies.get((method.upper(), path)),
        )
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
    ]
    return sorted(found, key=str)


CALLED = described()
WITH_ACCESS_TOKEN = [each for each in CALLED if each.needs == "AccessTokenBearer"]
WITH_MAIL_TOKEN = [each for each in CALLED if each.body and "token" in each.body]


@pytest.fixture
def app(auth: Auth) -> FastAPI:
    app = FastAPI()
    install(app, auth, profile=Nicknamed)
    return app


async def snapshot(auth: Auth) -> object:
    """Return what is stored, but for mails and tokens that only time could show."""
    async with auth.storage.reading() as look:
        users = await look.users.list(limit=100)
        due = await look.outbox.due(auth.clock(), limit=100)
    return users, [await auth.list_sessions(each.id) for each in users], due


# What may have happened to a user, and what each endpoint then answers to an access token.

Happens = Callable[[Auth, User, TokenPair, FakeClock], Awaitable[None]]


async def log_out(auth: Auth, _: User, pair: TokenPair, __: FakeClock) -> None:
    await auth.log_out(pair.refresh_token)


async def disable(auth: Auth, user: User, _: TokenPair, __: FakeClock) -> None:
    await auth.disable(user.id)


async def disable_for_a_while(auth: Auth, user: User, _: TokenPair, __: FakeClock) -> None:
    await auth.disable(user.id)
    await auth.enable(user.id)


async def delete(auth: Auth, user: User, _: TokenPair, __: FakeClock) -> None:
    await auth.delete(user.id)


async def set_password(auth: Auth, user: User, _: TokenPair, __: FakeClock) -> None:
    await auth.set_password(user.id, "fourteen slow bicycles")


async def set_roles(auth: Auth, user: User, _: TokenPair, __: FakeClock) -> None:
    await auth.set_roles(user.id, frozenset({"author"}))


async def verify(auth: Auth, user: User, _: TokenPair, __: FakeClock) -> None:
    await auth.mark_verified(user.id)


async def wait(_: Auth, __: User, ___: TokenPair, clock: FakeClock) -> None:
    clock.advance(minutes=10)


HAPPENS: list[tuple[Happens, str]] = [
    (log_out, "session_ended"),
    (disable, "session_ended"),
    (disable_for_a_while, "session_ended"),
    (delete, "session_ended"),
    (set_password, "session_ended"),
    (set_roles, "token_stale"),
    (verify, "token_stale"),
    (wait, "token_expired"),
]


@on_both_storages
@pytest.mark.parametrize(("happens", "code"), HAPPENS, ids=[each.__name__ for each, _ in HAPPENS])
async def test_an_access_token_that_is_over_opens_no_endpoint_and_changes_nothing(
    client: httpx2.AsyncClient,
    auth: Auth,
    clock: FakeClock,
    ada: User,
    pair: TokenPair,
    happens: Happens,
    code: str,
) -> None:
    """V7.4.1, V7.4.2, V7.4.3."""
    await happens(auth, ada, pair, clock)
    before = await snapshot(auth)

    answers = {str(each): told(await each(client, pair.access_token)) for each in WITH_ACCESS_TOKEN}

    assert answers == dict.fromkeys(map(str, WITH_ACCESS_TOKEN), (401, code))
    assert await snapshot(auth) == before


@pytest.mark.usefixtures("ada")
async def test_without_an_access_token_no_endpoint_that_needs_one_opens(
    client: httpx2.AsyncClient, auth: Auth, pair: TokenPair
) -> None:
    """T1."""
    before = await snapshot(auth)

    without = {told(await each(client)) for each in WITH_ACCESS_TOKEN}
    other = {told(await each(client, pair.refresh_token)) for each in WITH_ACCESS_TOKEN}
    garbage = {told(await each(client, "A" * 64)) for each in WITH_ACCESS_TOKEN}

    assert without == {(401, "not_authenticated")}
    assert other == {(401, "access_token_required")}
    assert garbage == {(401, "token_invalid")}
    assert await snapshot(auth) == before


NO_MAIL_TOKENS = {
    "empty": "",
    "short": "A" * 63,
    "long": "A" * 65,
    "unknown": "A" * 64,
    "space_before": " " + "A" * 64,
    "space_after": "A" * 64 + " ",
    "newline": "A" * 64 + "\n",
    "padding": "A" * 64 + "=",
    "other_alphabet": "A" * 62 + "+/",
    "not_ascii": "\u00c4" * 64,
    "a_jwt": "A" * 20 + "." + "A" * 20 + "." + "A" * 22,
}


@pytest.mark.parametrize("called", WITH_MAIL_TOKEN, ids=str)
async def test_what_is_no_mail_token_gets_the_same_bytes_for_every_cause(
    client: httpx2.AsyncClient, auth: Auth, called: Called
) -> None:
    before = await snapshot(auth)
    answers = set()

    for token in NO_MAIL_TOKENS.values():
        answer = await replace(called, body={**(called.body or {}), "token": token})(client)
        answers.add((answer.status_code, answer.content, answer.headers.get("content-type")))

    ((status, content, _),) = answers
    assert (status, json.loads(content)["code"]) == (400, "mail_token_invalid")
    assert await snapshot(auth) == before


@pytest.mark.parametrize("called", WITH_MAIL_TOKEN, ids=str)
@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "PUT", "DELETE"])
async def test_a_mail_token_is_taken_by_post_alone(
    client: httpx2.AsyncClient, called: Called, method: str
) -> None:
    """W7."""
    answer = await client.request(method, called.path, params={"token": "A" * 64})

    assert answer.status_code == 405


@on_both_storages
@pytest.mark.parametrize("called", CALLED, ids=str)
async def test_a_request_that_is_sent_thrice_at_once_is_no_crash(
    client: httpx2.AsyncClient, pair: TokenPair, called: Called
) -> None:
    is_renewal = called.needs == "RefreshTokenBearer"
    token = pair.refresh_token if is_renewal else pair.access_token

    answers = await asyncio.gather(*[called(client, token) for _ in range(3)])
    again = await called(client, token)

    assert all(answer.status_code < 500 for answer in [*answers, again])


@pytest.mark.parametrize("called", CALLED, ids=str)
async def test_no_answer_about_a_user_is_stored_by_caches(
    client: httpx2.AsyncClient, pair: TokenPair, called: Called
) -> None:
    is_renewal = called.needs == "RefreshTokenBearer"

    answer = await called(client, pair.refresh_token if is_renewal else pair.access_token)

    is_public = called.path.startswith("/.well-known/") and answer.status_code == 200
    assert (answer.headers.get("cache-control") == "no-store") is not is_public


ELSEWHERE = ["//evil.test", "https:evil.test", "\\\\evil.test", "/\\evil.test", "%2f%2fevil.test"]


@pytest.mark.parametrize("called", CALLED, ids=str)
async def test_no_parameter_of_a_request_leads_elsewhere(
    client: httpx2.AsyncClient, pair: TokenPair, called: Called
) -> None:
    """A9."""
    for elsewhere in ELSEWHERE:
        for name in ("next", "redirect_uri", "return_to", "url"):
            path = f"{called.path}?{name}={elsewhere}"

            answer = await replace(called, path=path)(client, pair.access_token)

            assert not answer.is_redirect
            assert "location" not in answer.headers
            assert "evil.test" not in answer.text + str(answer.headers)
