"""Renewals that are sent alone wait for others of their session, and for a connection."""

import asyncio

import pytest

from tests.stores.postgres.fake_connections import Connections, a_moment, a_renewal
from tests.waiting import LIMIT_SECONDS, limit
from tokenpair.errors import Unavailable
from tokenpair.stores.sql.errors import ErrorTranslator
from tokenpair.stores.sql.postgres import errors
from tokenpair.stores.sql.postgres.connection import Connector
from tokenpair.stores.sql.postgres.renewals import PostgresRenewals, _Senders
from tokenpair.stores.sql.postgres.singles import Singles
from tokenpair.stores.sql.postgres.statements import Arguments, Row
from tokenpair.stores.sql.postgres.waiting import UNSETTLED, Answer
from tokenpair.stores.sql.timeouts import DEFAULT_TIMEOUTS
from tokenpair.testing.store_contract import FORGIVING, NOW, make_session, make_token, make_user

PLACES = 2
HELD = [a_renewal(f"held {number}", session="S") for number in range(2 * PLACES)]
A, B = a_renewal("A"), a_renewal("B")


@pytest.fixture
def connections() -> Connections:
    return Connections()


@pytest.fixture
def singles(connections: Connections) -> Singles:
    return Singles(connections, number=PLACES, name="of the test")  # type: ignore[arg-type]  # A fake.


def send(
    singles: Singles, renewal: Arguments, seconds: float = LIMIT_SECONDS
) -> asyncio.Task[Row | None]:
    deadline = asyncio.get_running_loop().time() + seconds
    return asyncio.create_task(singles.renew(renewal, deadline))


async def test_renewals_of_one_session_leave_places_to_others(
    singles: Singles, connections: Connections
) -> None:
    waiting = [send(singles, each) for each in HELD]
    await a_moment()

    other = send(singles, A)
    await a_moment()
    connections.succeed(1)

    assert connections.sent == [[HELD[0]], [A]]
    assert await other == ("A",)
    for number in range(len(HELD)):
        # Statement 1 was that of `other`.
        connections.succeed(number + 1 if number else 0)
        await a_moment()
    assert [await each for each in waiting] == [each[:1] for each in HELD]


@pytest.mark.parametrize("taken", [[HELD[0]], [A, B]], ids=["a session", "every place"])
async def test_a_renewal_waits_for_its_session_or_a_place_until_its_deadline(
    singles: Singles, connections: Connections, taken: list[Arguments]
) -> None:
    holders = [send(singles, each) for each in taken]
    await a_moment()

    async with limit():
        with pytest.raises(Unavailable, match="timed out"):
            await send(singles, HELD[1], seconds=0)

    connections.succeed(0)
    await holders[0]
    after = send(singles, HELD[2], seconds=0)
    await a_moment()
    connections.succeed(len(taken))
    assert await after


async def test_a_renewal_behind_one_that_is_about_to_get_the_turn_has_its_deadline(
    singles: Singles, connections: Connections
) -> None:
    async def renew_twice() -> None:
        await singles.renew(HELD[0], asyncio.get_running_loop().time() + LIMIT_SECONDS)
        # In this step the turn has been given back, and the next one has not taken it yet.
        await singles.renew(HELD[2], asyncio.get_running_loop().time())

    twice = asyncio.create_task(renew_twice())
    await a_moment()
    between = send(singles, HELD[1])
    await a_moment()
    connections.succeed(0)

    async with limit():
        with pytest.raises(Unavailable, match="timed out"):
            await twice
    connections.succeed(1)
    assert await between


async def test_a_cancelled_caller_releases_its_turn_and_its_place(
    singles: Singles, connections: Connections
) -> None:
    first, second, third = [send(singles, each) for each in HELD[:3]]
    await a_moment()

    second.cancel()
    first.cancel()
    await a_moment()
    connections.succeed(1)

    assert connections.sent == [[HELD[0]], [HELD[2]]]
    assert await third


class Unsettling:
    """Lanes and singles that record the deadlines. The first renewal stays unsettled."""

    def __init__(self) -> None:
        self.deadlines: list[float] = []

    async def renew(self, _: Arguments, deadline: float) -> Answer:
        self.deadlines.append(deadline)
        return UNSETTLED if len(self.deadlines) == 1 else None


class UnsettledRenewals(PostgresRenewals):
    """Renewals whose lanes and singles are `Unsettling`."""

    both: Unsettling

    def _make_senders(self, loop: asyncio.AbstractEventLoop) -> _Senders:
        self.both = Unsettling()
        return _Senders(loop, self.both, self.both, ())  # type: ignore[arg-type]  # Fakes.


async def test_the_waits_for_a_lane_and_for_a_connection_share_one_deadline() -> None:
    connector = Connector("postgresql://localhost/test")
    translator = ErrorTranslator("of the test", errors)
    renewals = UnsettledRenewals(connector, translator, DEFAULT_TIMEOUTS, size=4, lanes=2)

    await renewals.renew(make_token(make_session(make_user())), NOW, FORGIVING)

    latest = asyncio.get_running_loop().time() + DEFAULT_TIMEOUTS.pool
    of_lane, of_single = renewals.both.deadlines
    assert of_lane == of_single <= latest
