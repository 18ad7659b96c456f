"""Limits of mails, and of guesses of their tokens."""

import httpx2
import pytest
from fastapi import FastAPI

from tests.limits.test_guesses import HOME, fail_in_a_row, guess, kinds
from tokenpair import Auth, Device, MailPurpose, User
from tokenpair.core.limits import LimitName
from tokenpair.errors import MailTokenInvalid, TooManyRequests
from tokenpair.fastapi import install
from tokenpair.testing import PASSWORD, FakeClock, a_user, make_auth, read_mail_token, read_mails

ADA = "ada@example.com"
NEW = "purple elephants dance on marbles"


@pytest.fixture
def auth(clock: FakeClock) -> Auth:
    return make_auth(clock=clock, limits=True)


@pytest.fixture
async def ada(auth: Auth) -> User:
    """Return a user, after the mail of the sign-up."""
    ada = await a_user(auth)
    await read_mails(auth)
    return ada


def device(number: int) -> Device:
    return Device(ip=f"198.51.100.{number}")


@pytest.mark.usefixtures("ada")
async def test_three_mails_an_hour_go_to_who_forgot_a_password(
    auth: Auth, clock: FakeClock
) -> None:
    for _ in range(5):
        await auth.forgot_password(email=ADA, device=device(9))
        clock.advance(minutes=1)
    mails = await read_mails(auth)
    clock.advance(minutes=55)
    await auth.forgot_password(email=ADA, device=device(9))

    assert len(mails) == 3
    assert auth.counts.limits_reached[LimitName.FORGOTTEN] == 2
    assert len(await read_mails(auth)) == 1


@pytest.mark.usefixtures("ada")
async def test_a_strangers_requests_keep_no_mail_from_the_owners_usual_place(auth: Auth) -> None:
    await auth.log_in(email=ADA, password=PASSWORD, device=HOME)
    for number in range(12):
        await auth.forgot_password(email=ADA, device=device(number))
    await read_mails(auth)

    await auth.forgot_password(email=ADA, device=HOME)

    assert len(await read_mails(auth)) == 1


@pytest.mark.parametrize("email", [ADA, "no.account@example.com", "no address"])
@pytest.mark.usefixtures("ada")
async def test_the_answer_to_too_many_requests_for_an_account_stays_the_same(
    auth: Auth, email: str
) -> None:
    app = FastAPI()
    install(app, auth)
    transport = httpx2.ASGITransport(app=app, client=("198.51.100.1", 4711))
    async with httpx2.AsyncClient(transport=transport, base_url="https://a.test") as client:
        body = {"email": email}
        answers = [await client.post("/auth/password/forgot", json=body) for _ in range(5)]

    assert {each.status_code for each in answers} == {202}
    assert len({each.content for each in answers}) == 1
    assert auth.counts.limits_reached[LimitName.FORGOTTEN] == 2


async def test_an_address_asks_for_ten_mails_an_hour(auth: Auth, clock: FakeClock) -> None:
    for number in range(10):
        await auth.forgot_password(email=f"user{number}@example.com", device=HOME)
    clock.advance(minutes=20)

    with pytest.raises(TooManyRequests) as refused:
        await auth.forgot_password(email="user10@example.com", device=HOME)

    assert refused.value.retry_after == 40 * 60
    await auth.forgot_password(email="user10@example.com", device=device(1))


async def test_three_verification_mails_an_hour_are_sent(
    auth: Auth, ada: User, clock: FakeClock
) -> None:
    mails = []
    for _ in range(5):
        await auth.request_verification(ada.id)
        mails += await read_mails(auth)
        clock.advance(minutes=1)

    assert len(mails) == 3
    assert auth.counts.limits_reached[LimitName.VERIFICATION] == 2


async def test_ten_wrong_tokens_a_minute_come_from_an_address(
    auth: Auth, ada: User, clock: FakeClock
) -> None:
    await auth.request_verification(ada.id)
    token = await read_mail_token(auth, MailPurpose.VERIFY_EMAIL)
    wrong = token[:-1] + ("A" if token[-1] != "A" else "Q")
    for _ in range(5):
        with pytest.raises(MailTokenInvalid):
            await auth.verify_email(wrong, device=HOME)
        with pytest.raises(MailTokenInvalid):
            await auth.reset_password(token=wrong, new_password=NEW, device=HOME)

    with pytest.raises(TooManyRequests):
        await auth.verify_email(token, device=HOME)
    with pytest.raises(TooManyRequests):
        await auth.accept_invitation(token=token, password=NEW, device=HOME)

    clock.advance(minutes=1)
    await auth.verify_email(token, device=HOME)


@pytest.mark.usefixtures("ada")
async def test_a_reset_by_mail_ends_the_wait_of_an_owner_at_a_new_place(
    auth: Auth, clock: FakeClock
) -> None:
    """While the account is attacked from many addresses."""
    await fail_in_a_row(auth, clock, 105)
    before = await guess(auth, password=PASSWORD, device=HOME)
    await auth.forgot_password(email=ADA, device=HOME)
    token = await read_mail_token(auth, MailPurpose.RESET_PASSWORD)
    await auth.reset_password(token=token, new_password=NEW, device=HOME)
    await fail_in_a_row(auth, clock, 105)

    assert kinds([before]) == ["TooManyRequests"]
    assert await guess(auth, password=NEW, device=HOME) == "in"
