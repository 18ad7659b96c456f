"""From a token to claims: what is read at each use, and what is not."""

from datetime import datetime, timedelta
from uuid import UUID

import pytest

from tokenpair import Auth, Key, Keyring, Lifetimes, Rules, TokenPair, User
from tokenpair.core.sessions.rule import SessionState
from tokenpair.errors import (
    ConfigurationError,
    ExpiredToken,
    SessionEnded,
    StaleToken,
)
from tokenpair.listeners import Listeners
from tokenpair.passwords import Argon2Passwords
from tokenpair.stores.memory import MemoryStorage
from tokenpair.testing import CHEAP, FakeClock, a_user, login_as, make_auth


class WatchedStorage(MemoryStorage):
    """Counts the reads of a session's row."""

    def __init__(self) -> None:
        super().__init__()
        self.looks = 0

    async def session_state(
        self, user_id: UUID, session_id: UUID, now: datetime
    ) -> SessionState | None:
        self.looks += 1
        return await super().session_state(user_id, session_id, now)


@pytest.fixture
def storage() -> WatchedStorage:
    return WatchedStorage()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def auth(storage: WatchedStorage, clock: FakeClock) -> Auth:
    return make_auth(storage=storage, clock=clock)


@pytest.fixture
async def ada(auth: Auth) -> User:
    return await a_user(auth)


@pytest.fixture
async def pair(auth: Auth, ada: User) -> TokenPair:
    return await login_as(auth, ada)


async def test_an_access_token_is_verified_without_a_look_at_the_database(
    auth: Auth, storage: WatchedStorage, pair: TokenPair
) -> None:
    for _ in range(3):
        await auth.verify_access(pair.access_token)
        await auth.verify(pair.access_token)

    assert storage.looks == 0


async def test_check_session_reads_the_row_each_time(
    auth: Auth, storage: WatchedStorage, pair: TokenPair
) -> None:
    for _ in range(3):
        await auth.verify_access(pair.access_token, check_session=True)

    assert storage.looks == 3


async def test_a_look_sees_what_no_feed_has_told(
    auth: Auth, storage: WatchedStorage, clock: FakeClock, ada: User, pair: TokenPair
) -> None:
    """An end by another worker that this one has not heard of yet."""
    elsewhere = make_auth(storage=storage, clock=clock, keyring=auth.keyring)
    storage._listeners = Listeners()  # Without telling this worker.
    await elsewhere.set_roles(ada.id, frozenset({"admin"}))

    await auth.verify_access(pair.access_token)
    with pytest.raises(StaleToken):
        await auth.verify_access(pair.access_token, check_session=True)
    await elsewhere.log_out(pair.access_token)

    await auth.verify_access(pair.access_token)
    with pytest.raises(SessionEnded):
        await auth.verify_access(pair.access_token, check_session=True)


async def test_a_refresh_token_is_looked_up_each_time(
    auth: Auth, storage: WatchedStorage, pair: TokenPair
) -> None:
    await auth.verify_refresh(pair.refresh_token)
    await auth.verify(pair.refresh_token)

    assert storage.looks == 2


async def test_a_token_that_outlives_what_is_kept_of_revocations_is_not_let_through(
    auth: Auth, storage: WatchedStorage, clock: FakeClock
) -> None:
    """From before the setting was lowered: the revocation of its session may be forgotten."""
    generous = Auth(
        storage=storage,
        keyring=auth.keyring,
        issuer="https://auth.test",
        audience="https://api.test",
        passwords=Argon2Passwords(CHEAP),
        rules=Rules(lifetimes=Lifetimes(access=timedelta(days=1))),
        clock=clock,
    )
    pair = await login_as(generous, await a_user(generous))
    await auth.verify_access(pair.access_token)
    clock.advance(minutes=10)

    for verify in (auth.verify_access, auth.verify):
        with pytest.raises(ExpiredToken):
            await verify(pair.access_token)
    await generous.verify_access(pair.access_token)


@pytest.mark.parametrize(
    "span", [timedelta.max, timedelta(seconds=-1)], ids=["end-of-time", "past"]
)
@pytest.mark.parametrize("name", ["access", "idle", "session"])
def test_a_lifetime_that_leads_beyond_the_calendar_is_refused(name: str, span: timedelta) -> None:
    """A log-in would crash."""
    with pytest.raises(ConfigurationError, match="every lifetime and window"):
        Auth(
            storage=MemoryStorage(),
            keyring=Keyring([Key.generate()]),
            issuer="https://auth.test",
            rules=Rules(lifetimes=Lifetimes(**{name: span})),
        )
