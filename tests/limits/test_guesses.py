"""Guesses of passwords: no more are compared than the limits say, with each kind of counter."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

import pytest

from tests.limits.conftest import CountingPasswords, Start
from tests.waiting import limit
from tokenpair import Auth, Device, User
from tokenpair.errors import InvalidCredentials, TooManyRequests, WrongPassword
from tokenpair.flows.accounts.confirm_password import ConfirmPassword
from tokenpair.testing import PASSWORD, FakeClock, a_user

ADA = "ada@example.com"
EVE = "eve@example.com"
HOME = Device(ip="192.0.2.1")
ATTACKER = Device(ip="203.0.113.66")

Answer = BaseException | str

# They log in more than a hundred times. The contract shows that every counter does the same.
on_two = pytest.mark.parametrize("counted_in", ["memory", "valkey"], indirect=True)


@pytest.fixture
async def ada(auth: Auth) -> User:
    return await a_user(auth)


async def guess(
    auth: Auth, email: str = ADA, password: str = "wrong", device: Device = ATTACKER
) -> Answer:
    """Try to log in; return what a client learns."""
    try:
        await auth.log_in(email=email, password=password, device=device)
    except (InvalidCredentials, TooManyRequests) as exc:
        return exc
    return "in"


def kinds(answers: Sequence[Answer]) -> list[str]:
    return [each if isinstance(each, str) else type(each).__name__ for each in answers]


def wait_of(answer: Answer) -> int:
    assert isinstance(answer, TooManyRequests)
    assert answer.retry_after is not None
    return answer.retry_after


@pytest.mark.usefixtures("ada")
async def test_of_a_hundred_guesses_at_once_at_most_the_limit_is_compared(
    auth: Auth, passwords: CountingPasswords
) -> None:
    """V6.3.1."""
    async with limit():
        answers = await asyncio.gather(*(guess(auth) for _ in range(100)))

    assert passwords.compared == 5
    assert kinds(answers).count("InvalidCredentials") == 5
    assert kinds(answers).count("TooManyRequests") == 95


async def test_of_a_hundred_accounts_guessed_at_once_an_address_reaches_thirty(
    auth: Auth, passwords: CountingPasswords
) -> None:
    async with limit():
        await asyncio.gather(*(guess(auth, f"user{n}@example.com") for n in range(100)))

    assert passwords.compared == 30


@pytest.mark.usefixtures("ada")
async def test_several_workers_count_together(
    auth: Auth, start: Start, passwords: CountingPasswords
) -> None:
    workers = [auth, await start(), await start()]

    async with limit():
        await asyncio.gather(*(guess(workers[n % 3]) for n in range(60)))

    assert passwords.compared == 5


@pytest.mark.usefixtures("ada")
async def test_after_a_minute_the_next_guesses_are_compared(
    auth: Auth, passwords: CountingPasswords, clock: FakeClock
) -> None:
    for _ in range(5):
        await guess(auth)
    clock.advance(seconds=20.5)
    refused = await guess(auth)
    clock.advance(seconds=wait_of(refused))

    accepted = await guess(auth)

    assert wait_of(refused) == 40
    assert kinds([accepted]) == ["InvalidCredentials"]
    assert passwords.compared == 6


@pytest.mark.usefixtures("ada")
async def test_guesses_of_an_unknown_account_get_the_same_answers(
    auth: Auth, passwords: CountingPasswords, clock: FakeClock
) -> None:
    answers: dict[str, list[tuple[str, str, int | None]]] = {}
    for email, device in ((ADA, ATTACKER), ("no.account@example.com", HOME), ("no address", HOME)):
        found = answers[email] = []
        before = passwords.compared
        for _ in range(8):
            answer = await guess(auth, email, device=device)
            assert isinstance(answer, InvalidCredentials | TooManyRequests)
            found.append((answer.code, answer.detail, answer.retry_after))
            clock.advance(seconds=1)
        assert passwords.compared - before == 5

    assert answers[ADA] == answers["no.account@example.com"] == answers["no address"]


@pytest.mark.usefixtures("ada")
async def test_an_address_written_in_another_way_is_the_same_account(
    auth: Auth, passwords: CountingPasswords
) -> None:
    for email in ("ada@example.com", "ADA@example.com", "Ada@EXAMPLE.com") * 3:
        await guess(auth, email)

    assert passwords.compared == 5


@pytest.mark.usefixtures("ada")
async def test_a_success_does_not_count(auth: Auth, passwords: CountingPasswords) -> None:
    answers = [await guess(auth, password=PASSWORD, device=HOME) for _ in range(40)]

    assert answers == ["in"] * 40
    assert passwords.compared == 40


@pytest.mark.usefixtures("ada")
async def test_a_log_in_of_ones_own_account_clears_no_failures_elsewhere(auth: Auth) -> None:
    """A13."""
    await a_user(auth, EVE)
    for _ in range(4):
        await guess(auth)
    own = await guess(auth, EVE, PASSWORD)

    answers = [await guess(auth) for _ in range(4)]

    assert own == "in"
    assert kinds(answers) == ["InvalidCredentials", *["TooManyRequests"] * 3]


async def test_a_log_in_of_ones_own_account_clears_no_failures_of_the_address(
    auth: Auth, passwords: CountingPasswords
) -> None:
    """A13."""
    await a_user(auth, EVE)
    for number in range(60):
        if number % 4 == 0:
            await guess(auth, EVE, PASSWORD)
        await guess(auth, f"user{number}@example.com")

    own = (30 + 3) // 4 + 1
    assert passwords.compared <= 30 + own
    assert kinds([await guess(auth, EVE, PASSWORD)]) == ["TooManyRequests"]


@pytest.mark.usefixtures("ada")
async def test_a_stranger_does_not_lock_the_owner_out(auth: Auth) -> None:
    """V6.3.1."""
    for _ in range(10):
        await guess(auth)

    assert await guess(auth, password=PASSWORD, device=HOME) == "in"


async def fail_in_a_row(auth: Auth, clock: FakeClock, number: int) -> None:
    """Fail as often with ADA, from many addresses."""
    for each in range(number):
        answer = await guess(auth, device=Device(ip=f"198.51.{each // 250}.{each % 250}"))
        if isinstance(answer, TooManyRequests):
            clock.advance(seconds=wait_of(answer))
            await guess(auth, device=Device(ip=f"198.51.{each // 250}.{each % 250}"))


@on_two
@pytest.mark.usefixtures("ada")
async def test_beyond_a_hundred_failures_in_a_row_strangers_wait_longer_and_longer(
    auth: Auth, clock: FakeClock, passwords: CountingPasswords
) -> None:
    await guess(auth, password=PASSWORD, device=HOME)
    await fail_in_a_row(auth, clock, 100)
    before = passwords.compared
    waits = []
    for each in range(12):
        refused = await guess(auth, device=Device(ip=f"198.18.0.{each}"))
        waits.append(wait_of(refused))
        clock.advance(seconds=waits[-1])
        await guess(auth, device=Device(ip=f"198.18.0.{each}"))

    assert waits == [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900]
    assert passwords.compared - before == 12
    assert await guess(auth, password=PASSWORD, device=HOME) == "in"


@on_two
@pytest.mark.usefixtures("ada")
async def test_the_owner_is_not_kept_out_of_an_account_under_attack(
    auth: Auth, clock: FakeClock
) -> None:
    """From an address of the last 30 days the owner logs in at once, from another after a wait."""
    await guess(auth, password=PASSWORD, device=HOME)
    clock.advance(timedelta(days=29))
    await fail_in_a_row(auth, clock, 105)

    elsewhere = await guess(auth, password=PASSWORD, device=Device(ip="192.0.2.99"))
    at_home = await guess(auth, password=PASSWORD, device=HOME)

    assert kinds([elsewhere, at_home]) == ["TooManyRequests", "in"]


@on_two
@pytest.mark.usefixtures("ada")
async def test_an_address_is_known_for_thirty_days(auth: Auth, clock: FakeClock) -> None:
    await guess(auth, password=PASSWORD, device=HOME)
    clock.advance(timedelta(days=30))
    await fail_in_a_row(auth, clock, 105)

    assert kinds([await guess(auth, password=PASSWORD, device=HOME)]) == ["TooManyRequests"]


@on_two
@pytest.mark.usefixtures("ada")
async def test_a_success_clears_the_failures_in_a_row(
    auth: Auth, clock: FakeClock, passwords: CountingPasswords
) -> None:
    await fail_in_a_row(auth, clock, 99)
    await guess(auth, password=PASSWORD, device=HOME)
    before = passwords.compared

    await fail_in_a_row(auth, clock, 100)

    assert passwords.compared - before == 100
    assert not any(auth.counts.limits_reached.values())


@on_two
@pytest.mark.usefixtures("ada")
async def test_without_an_address_a_stranger_has_no_count_to_use_up(
    auth: Auth, passwords: CountingPasswords
) -> None:
    """The failures in a row alone count, and with them each wait is over after a while."""
    for _ in range(99):
        await guess(auth, device=Device())
    owner = await guess(auth, password=PASSWORD, device=Device())
    for _ in range(110):
        await guess(auth, device=Device())
    refused = await guess(auth, device=Device())

    assert owner == "in"
    assert passwords.compared == 200
    assert wait_of(refused) == 1


@pytest.mark.usefixtures("ada")
async def test_addresses_of_one_network_count_together(
    auth: Auth, passwords: CountingPasswords
) -> None:
    for number in range(10):
        await guess(auth, device=Device(ip=f"2001:db8:1:2::{number:x}"))
    assert passwords.compared == 5

    await guess(auth, device=Device(ip="2001:db8:1:3::1"))

    assert passwords.compared == 6


@pytest.mark.usefixtures("ada")
async def test_a_password_that_is_asked_for_again_counts_like_a_log_in(
    auth: Auth, ada: User, passwords: CountingPasswords
) -> None:
    confirm = auth._parts.build(ConfirmPassword)
    for _ in range(3):
        with pytest.raises(WrongPassword):
            await confirm(ada.id, "wrong", ATTACKER)
    for _ in range(2):
        await guess(auth)

    with pytest.raises(TooManyRequests) as refused:
        await confirm(ada.id, PASSWORD, ATTACKER)

    assert passwords.compared == 5
    assert refused.value.retry_after == 60
    assert (await confirm(ada.id, PASSWORD, HOME)).user == ada


async def test_a_log_in_that_is_cut_off_counts(auth: Auth, passwords: CountingPasswords) -> None:
    """An attacker who hangs up early must not be able to guess for nothing."""
    for _ in range(10):
        guessing = asyncio.create_task(guess(auth))
        before = passwords.compared
        async with limit():
            while not guessing.done() and passwords.compared == before:
                await asyncio.sleep(0)
        guessing.cancel()
        await asyncio.gather(guessing, return_exceptions=True)

    assert passwords.compared == 5
