"""The counts of an `Auth`: each event once, and no event that did not happen."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.storages import open_storage
from tokenpair import Auth, EndReason, LogInOutcome, RenewalOutcome, TokenPair, User
from tokenpair.core.sessions.rule import SessionState, Windows
from tokenpair.core.tokens.claims import FullRefreshClaims
from tokenpair.errors import AuthError, Unavailable
from tokenpair.flows.sessions.open_session import MAX_SESSIONS
from tokenpair.ports import Storage
from tokenpair.stores.memory import MemoryStorage
from tokenpair.stores.memory.storage import MemoryUnitOfWork
from tokenpair.testing import PASSWORD, FakeClock, a_user, login_as, make_auth


class AwayStorage(MemoryStorage):
    """A storage that cannot be reached."""

    async def renew(
        self,
        token: FullRefreshClaims,  # noqa: ARG002
        now: datetime,  # noqa: ARG002
        windows: Windows,  # noqa: ARG002
    ) -> SessionState | None:
        raise Unavailable("cut off")

    def reading(self) -> Any:
        raise Unavailable("cut off")


class FragileStorage(MemoryStorage):
    """A storage that can fail in the middle of a unit of work."""

    is_away = False

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[MemoryUnitOfWork]:
        async with super().begin() as tx:
            yield tx
            if self.is_away:
                raise Unavailable("cut off")


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture(params=["memory", "sqlite", "postgres"])
async def storage(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Storage]:
    """Each storage: each reports the outcome of a renewal in its own way."""
    async with open_storage(request, tmp_path) as storage:
        yield storage


@pytest.fixture
def auth(clock: FakeClock) -> Auth:
    return make_auth(clock=clock)


@pytest.fixture
async def ada(auth: Auth) -> User:
    return await a_user(auth)


@pytest.fixture
async def pair(auth: Auth, ada: User) -> TokenPair:
    return await login_as(auth, ada)


def renewals(auth: Auth) -> dict[RenewalOutcome, int]:
    """Return the outcomes that were counted."""
    return {outcome: number for outcome, number in auth.counts.renewals.items() if number}


async def is_refused(call: Awaitable[object]) -> bool:
    with suppress(AuthError):
        await call
        return False
    return True


async def test_each_renewal_is_counted_once_by_its_verdict(
    storage: Storage, clock: FakeClock
) -> None:
    auth = make_auth(storage=storage, clock=clock)
    await auth.open()
    first = await login_as(auth, await a_user(auth))

    child = await auth.renew(first.refresh_token)
    clock.advance(seconds=1)
    await auth.renew(first.refresh_token)
    await auth.renew(child.refresh_token)
    assert renewals(auth) == {
        RenewalOutcome.ADVANCE: 1,
        RenewalOutcome.REPEAT: 1,
        RenewalOutcome.HOLD: 1,
    }

    clock.advance(minutes=3)
    await auth.renew(child.refresh_token)
    assert await is_refused(auth.renew(first.refresh_token))
    assert renewals(auth) == {
        RenewalOutcome.ADVANCE: 2,
        RenewalOutcome.REPEAT: 1,
        RenewalOutcome.HOLD: 1,
        RenewalOutcome.SUPERSEDED: 1,
    }

    clock.advance(minutes=3)
    assert await is_refused(auth.renew(first.refresh_token))
    assert await is_refused(auth.renew(child.refresh_token))
    assert renewals(auth) == {
        RenewalOutcome.ADVANCE: 2,
        RenewalOutcome.REPEAT: 1,
        RenewalOutcome.HOLD: 1,
        RenewalOutcome.SUPERSEDED: 1,
        RenewalOutcome.REPLAY: 1,
        RenewalOutcome.ENDED: 1,
    }
    await auth.close()


@pytest.mark.parametrize(
    ("token", "outcome"),
    [
        ("garbage", RenewalOutcome.INVALID),
        ("access", RenewalOutcome.INVALID),
        ("expired", RenewalOutcome.EXPIRED),
    ],
)
async def test_a_renewal_that_is_refused_before_it_is_judged_is_counted(
    auth: Auth, clock: FakeClock, pair: TokenPair, token: str, outcome: RenewalOutcome
) -> None:
    clock.advance(days=20 if token == "expired" else 0)
    tokens = {"access": pair.access_token, "expired": pair.refresh_token}

    assert await is_refused(auth.renew(tokens.get(token, token)))

    assert renewals(auth) == {outcome: 1}


async def test_a_forged_token_is_counted_apart(auth: Auth, pair: TokenPair) -> None:
    """Making one takes a stolen key: it is an alarm, and no replay."""
    claims = replace(auth._parts.codec.decode_refresh(pair.refresh_token), secret=b"x" * 16)

    assert await is_refused(auth.renew(auth._parts.codec.encode(claims)))

    assert renewals(auth) == {RenewalOutcome.FORGED: 1}


async def test_what_cannot_be_told_is_counted_as_such(pair: TokenPair, auth: Auth) -> None:
    cut_off = make_auth(storage=AwayStorage(), keyring=auth.keyring)

    assert await is_refused(cut_off.renew(pair.refresh_token))
    assert await is_refused(cut_off.log_in(email="ada@example.com", password=PASSWORD))

    assert renewals(cut_off) == {RenewalOutcome.UNAVAILABLE: 1}
    assert cut_off.counts.log_ins[LogInOutcome.UNAVAILABLE] == 1


@pytest.mark.usefixtures("pair")
async def test_log_ins_are_counted_by_how_they_ended(auth: Auth, ada: User) -> None:
    """V6.3.5."""
    assert await is_refused(auth.log_in(email="ada@example.com", password="wrong"))
    assert await is_refused(auth.log_in(email="nobody@example.com", password=PASSWORD))
    await auth.disable(ada.id)
    assert await is_refused(auth.log_in(email="ada@example.com", password=PASSWORD))

    assert auth.counts.log_ins == {
        LogInOutcome.SUCCEEDED: 1,
        LogInOutcome.REFUSED: 3,
        LogInOutcome.LIMITED: 0,
        LogInOutcome.UNAVAILABLE: 0,
    }


Ending = Callable[[Auth, User, TokenPair], Awaitable[object]]


@pytest.mark.parametrize(
    ("end", "reason", "number"),
    [
        (lambda auth, _, pair: auth.log_out(pair.access_token), EndReason.LOGOUT, 1),
        (lambda auth, ada, _: auth.log_out_everywhere(ada.id), EndReason.LOGOUT_ALL, 2),
        (
            lambda auth, ada, pair: auth.end_session(
                ada.id, auth._parts.codec.decode(pair.access_token).session_id
            ),
            EndReason.ENDED_BY_USER,
            1,
        ),
        (
            lambda auth, ada, pair: auth.log_out_elsewhere(
                ada.id, keep=auth._parts.codec.decode(pair.access_token).session_id
            ),
            EndReason.ENDED_BY_USER,
            1,
        ),
        (lambda auth, ada, _: auth.disable(ada.id), EndReason.USER_DISABLED, 2),
    ],
)
async def test_sessions_that_end_are_counted_once_by_reason(
    auth: Auth, ada: User, pair: TokenPair, end: Ending, reason: EndReason, number: int
) -> None:
    await login_as(auth, ada)

    await end(auth, ada, pair)
    await is_refused(end(auth, ada, pair))

    assert auth.counts.sessions_ended == dict.fromkeys(EndReason, 0) | {reason: number}


async def test_a_replay_is_a_session_that_has_ended(
    auth: Auth, clock: FakeClock, pair: TokenPair
) -> None:
    """V6.3.5."""
    child = await auth.renew(pair.refresh_token)
    clock.advance(minutes=3)
    await auth.renew(child.refresh_token)
    clock.advance(minutes=3)

    for _ in range(2):
        assert await is_refused(auth.renew(pair.refresh_token))

    assert auth.counts.sessions_ended[EndReason.REPLAY] == 1


async def test_the_oldest_session_makes_room_and_is_counted(auth: Auth, ada: User) -> None:
    for _ in range(MAX_SESSIONS + 1):
        await login_as(auth, ada)

    assert auth.counts.sessions_ended[EndReason.TOO_MANY_SESSIONS] == 1


async def test_counts_are_of_one_moment(auth: Auth, pair: TokenPair) -> None:
    before = auth.counts

    await auth.renew(pair.refresh_token)

    assert not any(before.renewals.values())
    assert before.staleness == 0


async def test_what_is_rolled_back_is_not_counted() -> None:
    auth = make_auth(storage=(storage := FragileStorage()))
    pair = await login_as(auth, await a_user(auth))

    storage.is_away = True
    assert await is_refused(auth.log_out(pair.access_token))
    assert await is_refused(auth.log_in(email="ada@example.com", password=PASSWORD))

    assert not any(auth.counts.sessions_ended.values())
    assert auth.counts.log_ins[LogInOutcome.SUCCEEDED] == 1
    assert auth.counts.log_ins[LogInOutcome.UNAVAILABLE] == 1


async def test_auths_that_share_a_storage_each_count_their_own(clock: FakeClock) -> None:
    storage = MemoryStorage()
    readers, staff = (make_auth(storage=storage, clock=clock) for _ in range(2))
    ada = await a_user(readers)
    await login_as(readers, ada)

    await staff.log_out_everywhere(ada.id)

    assert readers.counts.log_ins[LogInOutcome.SUCCEEDED] == 1
    assert staff.counts.log_ins[LogInOutcome.SUCCEEDED] == 0
    assert readers.counts.sessions_ended[EndReason.LOGOUT_ALL] == 0
    assert staff.counts.sessions_ended[EndReason.LOGOUT_ALL] == 1
