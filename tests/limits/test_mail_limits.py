"""Limits of mails, and of guesses at the tokens in them."""

import httpx2
import pytest

from tests.limits.test_answers import talking_to
from tokenpair import Auth, MailPurpose, User
from tokenpair.testing import (
    PASSWORD,
    FakeClock,
    a_user,
    make_auth,
    read_mail_token,
    read_mails,
)

VERIFY, RESET = MailPurpose.VERIFY_EMAIL, MailPurpose.RESET_PASSWORD
NEW = "nine green umbrellas sail"


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def auth(clock: FakeClock) -> Auth:
    return make_auth(limits=True, clock=clock)


@pytest.fixture
async def ada(auth: Auth) -> User:
    ada = await a_user(auth)
    await read_mails(auth)
    return ada


async def forgot(client: httpx2.AsyncClient, email: str) -> httpx2.Response:
    return await client.post("/auth/password/forgot", json={"email": email})


async def guess(client: httpx2.AsyncClient, number: int = 0, token: str = "x") -> httpx2.Response:
    """Present a token at one of the endpoints that take one."""
    path, more = [
        ("/email/verify", {}),
        ("/password/reset", {"new_password": NEW}),
        ("/email/change/confirm", {}),
    ][number % 3]
    return await client.post(f"/auth{path}", json={"token": token} | more)


async def test_the_fourth_forgotten_password_in_an_hour_mails_nothing_and_says_the_same(
    auth: Auth, ada: User, clock: FakeClock
) -> None:
    """A11: and for an address without an account."""
    answers, mails = [], []
    async with talking_to(auth) as client, talking_to(auth, "192.0.2.2") as other:
        for _ in range(4):
            answers.append(await forgot(client, "ADA@example.com"))
            mails.append(len(await read_mails(auth)))
            answers.append(await forgot(other, "unknown@example.com"))
        clock.advance(hours=1)
        answers.append(await forgot(client, ada.email.typed))

    assert mails == [1, 1, 1, 0]
    assert len(await read_mails(auth)) == 1
    assert {(each.status_code, each.content) for each in answers} == {(202, answers[0].content)}


async def test_forgotten_passwords_of_a_client_address_are_limited(
    auth: Auth, ada: User, clock: FakeClock
) -> None:
    async with talking_to(auth) as client, talking_to(auth, "192.0.2.2") as other:
        answers = [await forgot(client, f"user{number}@example.com") for number in range(10)]
        refused = await forgot(client, ada.email.typed)
        elsewhere = await forgot(other, ada.email.typed)
        clock.advance(hours=1)
        later = await forgot(client, ada.email.typed)

    assert [each.status_code for each in answers] == [202] * 10
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "3600")
    assert refused.json()["code"] == "too_many_requests"
    assert (elsewhere.status_code, later.status_code) == (202, 202)


async def test_the_fourth_verification_mail_in_an_hour_is_left_out_silently(
    auth: Auth, ada: User, clock: FakeClock
) -> None:
    mails = []
    for _ in range(5):
        await auth.request_verification(ada.id)
        mails.append(len(await read_mails(auth)))
    clock.advance(hours=1)
    await auth.request_verification(ada.id)

    assert mails == [1, 1, 1, 0, 0]
    assert len(await read_mails(auth)) == 1


async def test_guesses_at_tokens_of_mails_are_limited_together(
    auth: Auth, ada: User, clock: FakeClock
) -> None:
    await auth.request_verification(ada.id)
    token = await read_mail_token(auth, VERIFY)
    async with talking_to(auth) as client, talking_to(auth, "192.0.2.2") as other:
        guesses = [(await guess(client, number)).status_code for number in range(10)]
        refused = await guess(client, token=token)
        elsewhere = await guess(other)
        clock.advance(minutes=1)
        later = await guess(client, token=token)

    assert guesses == [400] * 10
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "60")
    assert elsewhere.status_code == 400
    assert later.status_code == 204


async def test_a_valid_token_is_no_guess(auth: Auth, ada: User) -> None:
    async with talking_to(auth) as client:
        for _ in range(9):
            await guess(client)
        for number in (0, 1):
            await auth.request_verification(ada.id)
            await auth.forgot_password(email=ada.email.typed)
            token = await read_mail_token(auth, (VERIFY, RESET)[number])
            assert (await guess(client, number, token)).status_code == 204

        assert (await guess(client)).status_code == 400
        assert (await guess(client)).status_code == 429


async def test_a_reset_lets_the_owner_in_beside_an_attack(auth: Auth, ada: User) -> None:
    """The failures of a stranger in a row do not keep out the owner, who has read the mail."""
    attackers = [talking_to(auth, f"198.51.{number // 5}.{number}") for number in range(30)]
    wrong = {"email": ada.email.typed, "password": "wrong"}
    for client in attackers:
        for _ in range(4):
            await client.post("/auth/login", json=wrong)
        await client.aclose()
    async with talking_to(auth) as owner:
        right = {"email": ada.email.typed, "password": PASSWORD}
        before = (await owner.post("/auth/login", json=right)).status_code
        await forgot(owner, ada.email.typed)
        await guess(owner, 1, await read_mail_token(auth, RESET))
        after = (await owner.post("/auth/login", json=right | {"password": NEW})).status_code

    assert (before, after) == (429, 200)
