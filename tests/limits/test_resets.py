"""Requests of strangers for a reset never keep a link from the owner, and fill no mailbox."""

import pytest

from tests.limits.test_guesses import ADA, ATTACKER, HOME
from tokenpair import Auth, Device
from tokenpair.core.limits import LimitName
from tokenpair.testing import FakeClock, a_user, read_mails


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


async def test_without_an_address_no_count_silences_the_owner(auth: Auth) -> None:
    strangers = [await mails_after(auth, Device()) for _ in range(5)]

    assert strangers == [1] * 5
