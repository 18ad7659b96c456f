"""Changes of an account count guesses of its password, mails to strangers and guesses of tokens."""

import httpx2
import pytest

from tests.http.conftest import bearer, is_live, on_both_storages, told
from tokenpair import Auth, Keyring, MailPurpose, TokenPair
from tokenpair.ports import Storage
from tokenpair.testing import PASSWORD, FakeClock, make_auth, read_mails

pytestmark = on_both_storages

NEW = "purple elephants dance on marbles"


@pytest.fixture
def auth(storage: Storage, clock: FakeClock, keyring: Keyring) -> Auth:
    return make_auth(storage=storage, clock=clock, keyring=keyring, limits=True)


@pytest.mark.parametrize(
    ("method", "path", "field", "others"),
    [
        pytest.param("DELETE", "/me", "password", {}, id="delete"),
        pytest.param(
            "POST", "/password/change", "current_password", {"new_password": NEW}, id="password"
        ),
        pytest.param(
            "POST", "/email/change", "password", {"new_email": "a@example.org"}, id="address"
        ),
    ],
)
async def test_guesses_of_the_password_are_limited(
    client: httpx2.AsyncClient,
    pair: TokenPair,
    method: str,
    path: str,
    field: str,
    others: dict[str, str],
) -> None:
    """A stolen access token must not become the password."""

    async def guess(password: str) -> httpx2.Response:
        return await client.request(
            method,
            f"/auth{path}",
            json={field: password, **others},
            headers=bearer(pair.access_token),
        )

    guesses = [await guess(f"guess {number}") for number in range(5)]
    refused = await guess(PASSWORD)

    assert {told(each) for each in guesses} == {(403, "wrong_password")}
    assert told(refused) == (429, "too_many_requests")
    assert int(refused.headers["retry-after"]) > 0
    assert await is_live(client, pair.access_token)


async def test_three_mails_an_hour_go_to_new_addresses(
    client: httpx2.AsyncClient, auth: Auth, pair: TokenPair, clock: FakeClock
) -> None:
    """A user must not make the service mail to any number of strangers.

    Mails that verify the old address do not count: a user who mistyped it requests some in vain.
    """
    for _ in range(3):
        await client.post("/auth/email/verify/request", headers=bearer(pair.access_token))

    async def ask(number: int) -> httpx2.Response:
        body = {"password": PASSWORD, "new_email": f"stranger{number}@example.org"}
        return await client.post("/auth/email/change", json=body, headers=bearer(pair.access_token))

    *accepted, refused = [await ask(number) for number in range(4)]
    clock.advance(seconds=int(refused.headers["retry-after"]))
    renewed = await auth.renew(pair.refresh_token)
    later = await client.post(
        "/auth/email/change",
        json={"password": PASSWORD, "new_email": "later@example.org"},
        headers=bearer(renewed.access_token),
    )

    assert [each.status_code for each in accepted] == [202] * 3
    assert told(refused) == (429, "too_many_requests")
    assert later.status_code == 202
    mails = [each for each in await read_mails(auth) if each.purpose is MailPurpose.CHANGE_EMAIL]
    assert "stranger3@example.org" not in {each.recipient for each in mails}


async def test_guesses_of_tokens_are_limited(client: httpx2.AsyncClient, pair: TokenPair) -> None:
    bodies = [{"token": f"guess {number}"} for number in range(11)]

    *guesses, refused = [
        await client.post("/auth/email/change/confirm", json=body) for body in bodies
    ]

    assert {told(each) for each in guesses} == {(400, "mail_token_invalid")}
    assert told(refused) == (429, "too_many_requests")
    assert await is_live(client, pair.access_token)
