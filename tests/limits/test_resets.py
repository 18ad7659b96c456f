"""Requests of strangers for a reset never keep a link from the owner, and fill no mailbox."""

import pytest

from tests.limits.test_guesses import ADA, ATTACKER, HOME, on_two
from tokenpair import Auth, Device
from tokenpair.core.limits import LimitName
from tokenpair.testing import PASSWORD, FakeClock, a_user, read_mails

NEW = "purple elephants dance on marbles"


async def mails_after(auth: Auth, device: Device) -> int:
    """Ask for a link; return the number of mails that were sent."""
    await auth.forgot_password(email=ADA, device=device)
    return len(await read_mails(auth))


@pytest.fixture(autouse=True)
async def ada(auth: Auth) -> None:
    await a_user(auth)
    await read_mails(auth)


async def test_a_stranger_keeps_no_mail_from_an_owner_at_a_new_place(auth: Auth) -> None:
    strangers = [await mails_after(auth, ATTACKER) for _ in range(5)]

    assert strangers == [1, 1, 1, 0, 0]
    assert await mails_after(auth, HOME) == 1


async def test_of_many_strangers_the_owner_always_has_a_mail_of_the_last_quarter_of_an_hour(
    auth: Auth, clock: FakeClock
) -> None:
    """The link in it is valid for twice as long."""
    strangers = iter([Device(ip=f"198.51.100.{number}") for number in range(200)])
    at_once = [await mails_after(auth, next(strangers)) for _ in range(12)]
    waits = []
    for _ in range(6):
        minutes = 0
        while not await mails_after(auth, next(strangers)):
            clock.advance(minutes=1)
            minutes += 1
        waits.append(minutes)

    assert at_once == [1] * 10 + [0] * 2
    assert waits == [1, 2, 4, 8, 15, 15]
    assert auth.counts.limits_reached[LimitName.FORGOTTEN_ACCOUNT] == 2 + sum(waits)


@on_two
async def test_a_reset_ends_the_wait_for_further_mails(auth: Auth) -> None:
    for number in range(10):
        await auth.forgot_password(email=ADA, device=Device(ip=f"198.51.100.{number}"))
    link = (await read_mails(auth))[-1].link
    waiting = await mails_after(auth, Device(ip="198.51.100.99"))
    await auth.reset_password(
        token=str(link).partition("#token=")[2], new_password=NEW, device=HOME
    )
    await read_mails(auth)

    assert waiting == 0
    assert await mails_after(auth, ATTACKER) == 1


@on_two
async def test_a_known_address_is_asked_for_no_count_of_the_account(auth: Auth) -> None:
    await auth.log_in(email=ADA, password=PASSWORD, device=HOME)

    assert [await mails_after(auth, HOME) for _ in range(5)] == [1] * 5


async def test_without_an_address_no_count_silences_the_owner(auth: Auth) -> None:
    strangers = [await mails_after(auth, Device()) for _ in range(5)]

    assert strangers == [1] * 5
