"""Several workers use one database at the same time."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

import psycopg
import pytest

from tests.storages import PATIENT, database_url
from tests.stores.crowded import CrowdedStorage
from tests.waiting import limit
from tokenpair.auth import Auth
from tokenpair.core.accounts.user import User
from tokenpair.core.sessions.mint import TokenPair
from tokenpair.core.sessions.rule import EndReason, Session
from tokenpair.core.tokens.key import Key
from tokenpair.core.tokens.keyring import Keyring
from tokenpair.errors import (
    EmailTaken,
    FieldError,
    InvalidCredentials,
    InvalidInput,
    SessionEnded,
    TokenSuperseded,
)
from tokenpair.flows.sessions.open_session import MAX_SESSIONS
from tokenpair.passwords import Argon2Cost, Argon2Passwords
from tokenpair.ports import Verified
from tokenpair.stores.sql import SqlStorage
from tokenpair.testing import CHEAP, PASSWORD, FakeClock, a_user, login_as, make_auth
from tokenpair.testing.store_contract import (
    keep,
    make_session,
    make_user,
    read_password_hash,
    read_session,
    read_user,
)

PASSWORDS = Argon2Passwords(CHEAP)


class TickingClock(FakeClock):
    """A clock that never returns the same time twice: equal answers then come from the same row."""

    def __call__(self) -> datetime:
        self.advance(seconds=1)
        return self.now


T = TypeVar("T")


class Interrupted:
    """A password hasher that runs something else during its first comparison."""

    running = waiting = 0

    def __init__(self, meanwhile: Callable[[], Awaitable[object]]) -> None:
        self._meanwhile = [meanwhile]

    async def hash(self, password: str) -> str:
        return await PASSWORDS.hash(password)

    async def verify(self, password: str, password_hash: str | None) -> Verified:
        verified = await PASSWORDS.verify(password, password_hash)
        if self._meanwhile:
            await self._meanwhile.pop()()
        return verified

    async def in_turn(self, work: Callable[[], T]) -> T:
        return await PASSWORDS.in_turn(work)


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return database_url(request, tmp_path)


@pytest.fixture
def clock() -> FakeClock:
    return TickingClock()


@pytest.fixture
def new_storage() -> Callable[[str], SqlStorage]:
    """Return how a worker makes its storage."""
    return partial(SqlStorage.from_url, timeouts=PATIENT)


@pytest.fixture
async def workers(
    url: str, clock: FakeClock, new_storage: Callable[[str], SqlStorage]
) -> AsyncIterator[list[Auth]]:
    """Start four workers and open their connections, so that none is late to a race."""
    keyring = Keyring([Key.generate()])
    workers = [
        make_auth(storage=new_storage(url), clock=clock, keyring=keyring, passwords=PASSWORDS)
        for _ in range(4)
    ]
    for worker in workers:  # One after the other, because the first one migrates.
        await worker.open()
    await asyncio.gather(
        *(worker.storage.session_state(uuid4(), uuid4(), clock()) for worker in workers * 2)
    )
    yield workers
    for worker in workers:
        await worker.close()


async def live(auth: Auth, user: User) -> list[Session]:
    return await auth.list_sessions(user.id)


async def only_session(auth: Auth, user: User) -> Session:
    (session,) = await live(auth, user)
    return session


async def generation_of(auth: Auth, user: User) -> int:
    kept = await read_session(auth.storage, await only_session(auth, user))
    assert kept is not None
    return kept.generation


async def until_waiting(url: str, number: int) -> None:
    """Return when `number` connections of the database wait for a lock, longer than on a lane.

    A renewal gives its place in the queue up when it leaves the lane. If the lock is released then,
    it may get the lock before one that has waited longer.
    """
    question = """SELECT count(*) FROM pg_stat_activity
        WHERE datname = current_database() AND wait_event_type = 'Lock'
        AND now() - query_start > interval '0.1 s'"""
    async with limit(), await psycopg.AsyncConnection.connect(url) as connection:
        await connection.set_autocommit(True)
        while (await (await connection.execute(question)).fetchone()) != (number,):
            pass


class TestRenewals:
    async def test_one_token_presented_by_many_at_once_has_one_child(
        self, workers: list[Auth], clock: FakeClock
    ) -> None:
        user = await a_user(workers[0])
        token = (await login_as(workers[0], user)).refresh_token

        for generation in range(1, 21):
            clock.advance(minutes=3)

            pairs = await asyncio.gather(*(worker.renew(token) for worker in workers * 2))

            assert len({pair.refresh_token for pair in pairs}) == 1
            assert await generation_of(workers[0], user) == generation
            token = pairs[0].refresh_token

    async def test_of_two_siblings_at_once_one_is_a_replay(
        self, workers: list[Auth], clock: FakeClock
    ) -> None:
        user = await a_user(workers[0])
        for _ in range(10):
            parent = (await login_as(workers[0], user)).refresh_token
            siblings = []
            for worker in workers:
                clock.advance(minutes=3)
                siblings.append((await worker.renew(parent)).refresh_token)

            answers = await asyncio.gather(
                *(worker.renew(token) for worker, token in zip(workers, siblings, strict=True)),
                return_exceptions=True,
            )

            assert sum(isinstance(answer, TokenPair) for answer in answers) <= 1
            assert sum(isinstance(answer, SessionEnded) for answer in answers) >= 3
            assert await live(workers[0], user) == []

    async def test_a_burst_is_never_a_replay(self, workers: list[Auth], clock: FakeClock) -> None:
        """Parent and child are sent at the same time, as when a page is reloaded."""
        user = await a_user(workers[0])
        token = (await login_as(workers[0], user)).refresh_token

        for _ in range(10):
            clock.advance(minutes=3)
            child = (await workers[0].renew(token)).refresh_token
            clock.advance(minutes=3)
            answers = await asyncio.gather(
                *(worker.renew(each) for worker in workers for each in (child, token)),
                return_exceptions=True,
            )

            assert all(isinstance(each, TokenPair | TokenSuperseded) for each in answers)
            assert len(await live(workers[0], user)) == 1
            assert isinstance(answers[0], TokenPair)
            token = answers[0].refresh_token


@pytest.mark.parametrize("url", ["postgres"], indirect=True)
class TestRenewalsTogether(TestRenewals):
    """The same, while each renewal shares its statement with others."""

    @pytest.fixture
    def new_storage(self) -> Callable[[str], SqlStorage]:
        return partial(CrowdedStorage.to, is_only_one=False)


@pytest.mark.parametrize("url", ["postgres"], indirect=True)
class TestRenewalsAlone(TestRenewals):
    """The same, while each renewal sends a statement of its own."""

    @pytest.fixture
    def new_storage(self) -> Callable[[str], SqlStorage]:
        return partial(SqlStorage.from_url, renewal_lanes=0, timeouts=PATIENT)


class TestEndings:
    async def test_after_renewal_and_log_out_nothing_works(
        self, workers: list[Auth], clock: FakeClock
    ) -> None:
        user = await a_user(workers[0])
        for number in range(60):
            token = (await login_as(workers[0], user)).refresh_token
            clock.advance(minutes=3)
            renewal, log_out = workers[number % 4].renew, workers[(number + 1) % 4].log_out
            race = [renewal(token), log_out(token)]

            answers = await asyncio.gather(*race[:: 1 - number % 2 * 2], return_exceptions=True)

            children = [each.refresh_token for each in answers if isinstance(each, TokenPair)]
            for each in [token, *children]:
                with pytest.raises(SessionEnded, match="logout"):
                    await workers[2].renew(each)
            assert await live(workers[0], user) == []

    @pytest.mark.parametrize("url", ["postgres"], indirect=True)
    async def test_a_renewal_that_waits_for_disable_is_refused(
        self, workers: list[Auth], url: str
    ) -> None:
        user = await a_user(workers[0])
        token = (await login_as(workers[0], user)).refresh_token
        session = await only_session(workers[0], user)

        async with asyncio.TaskGroup() as tasks, workers[0].storage.begin() as tx:
            await tx.sessions.lock(session.user_id, session.id)
            disabling = tasks.create_task(workers[1].disable(user.id))
            await until_waiting(url, 1)
            renewal = tasks.create_task(outcome(workers[2].renew(token)))
            await until_waiting(url, 2)

        assert disabling.done()
        assert isinstance(renewal.result(), SessionEnded)
        ended = await read_session(workers[3].storage, session)
        assert ended is not None
        assert (ended.end_reason, ended.generation) == (EndReason.USER_DISABLED, 0)
        await workers[3].enable(user.id)
        with pytest.raises(SessionEnded, match="user_disabled"):
            await workers[3].renew(token)

    @pytest.mark.parametrize("url", ["postgres"], indirect=True)
    async def test_a_renewal_that_waits_for_new_roles_is_stale_at_worst(
        self, workers: list[Auth], url: str
    ) -> None:
        """It must not have the old roles with the new version: it would count as new."""
        user = await a_user(workers[0], roles="reader")
        token = (await login_as(workers[0], user)).refresh_token
        session = await only_session(workers[0], user)

        async with asyncio.TaskGroup() as tasks, workers[0].storage.begin() as tx:
            await tx.sessions.lock(session.user_id, session.id)
            renewal = tasks.create_task(workers[1].renew(token))
            await until_waiting(url, 1)
            await workers[2].set_roles(user.id, frozenset({"admin"}))

        claims = workers[3].renew.codec.decode_access(renewal.result().access_token)
        assert (claims.roles, claims.version) in {
            (frozenset({"reader"}), user.version),
            (frozenset({"admin"}), user.version + 1),
        }

    @pytest.mark.parametrize(
        ("keeps_one", "numbers"), [(False, [0, 0, 0, 20]), (True, [0, 0, 1, 19])]
    )
    async def test_two_who_end_all_sessions_do_not_block_each_other(
        self, workers: list[Auth], clock: FakeClock, *, keeps_one: bool, numbers: list[int]
    ) -> None:
        """If each keeps another session, the second ends what the first has kept."""
        for number in range(10):
            user = make_user(f"ada{number}@example.com")
            sessions = [make_session(user, expires_at=clock() + timedelta(1)) for _ in range(20)]
            await keep(workers[0].storage, user, *sessions)

            ended = await asyncio.gather(
                *(
                    worker.log_out_elsewhere(user.id, keep=session.id)
                    if keeps_one
                    else worker.log_out_everywhere(user.id)
                    for worker, session in zip(workers, sessions, strict=False)
                )
            )

            assert sorted(ended) == numbers
            assert await live(workers[0], user) == []

    async def test_renewals_do_not_block_the_end_of_all_sessions(self, workers: list[Auth]) -> None:
        user = await a_user(workers[0])
        for _ in range(5):
            pairs = [await login_as(workers[0], user) for _ in range(6)]

            answers = await asyncio.gather(
                *(outcome(workers[1].renew(pair.refresh_token)) for pair in pairs),
                workers[2].disable(user.id),
                *(outcome(workers[3].renew(pair.refresh_token)) for pair in reversed(pairs)),
            )

            assert {type(each) for each in answers} <= {TokenPair, SessionEnded, type(None)}
            assert await live(workers[0], user) == []
            await workers[0].enable(user.id)


class TestLogIns:
    async def test_a_log_in_with_the_password_just_replaced_is_refused(
        self, workers: list[Auth], clock: FakeClock
    ) -> None:
        user = await a_user(workers[0])
        slow = make_auth(
            storage=workers[1].storage,
            clock=clock,
            passwords=Interrupted(lambda: reset(workers[0], user, "quite another passphrase")),
        )

        async with slow:
            with pytest.raises(InvalidCredentials):
                await login_as(slow, user)

        assert await live(workers[0], user) == []

    async def test_a_log_in_during_disable_is_refused(
        self, workers: list[Auth], clock: FakeClock
    ) -> None:
        user = await a_user(workers[0])
        slow = make_auth(
            storage=workers[1].storage,
            clock=clock,
            passwords=Interrupted(lambda: workers[0].disable(user.id)),
        )

        async with slow:
            with pytest.raises(InvalidCredentials):
                await login_as(slow, user)

        assert await live(workers[0], user) == []

    async def test_a_rehash_by_another_log_in_refuses_no_log_in(
        self, workers: list[Auth], clock: FakeClock
    ) -> None:
        user = await a_user(workers[0])
        slow = make_auth(
            storage=workers[1].storage,
            clock=clock,
            passwords=Interrupted(lambda: reset(workers[0], user, PASSWORD)),
        )

        async with slow:
            await login_as(slow, user)

        assert len(await live(workers[0], user)) == 1

    async def test_no_session_survives_a_reset_at_the_same_time(self, workers: list[Auth]) -> None:
        user = await a_user(workers[0])
        for _ in range(15):
            log_ins = [outcome(login_as(worker, user)) for worker in workers[1:]]

            *answers, _ = await asyncio.gather(
                *log_ins, reset(workers[0], user, "other passphrase")
            )

            assert {type(answer) for answer in answers} <= {TokenPair, InvalidCredentials}
            assert await live(workers[0], user) == []
            await reset(workers[0], user, PASSWORD)

    async def test_log_ins_at_once_never_exceed_the_limit(self, workers: list[Auth]) -> None:
        user = await a_user(workers[0])
        hour = timedelta(hours=1)
        sessions = [make_session(user) for _ in range(MAX_SESSIONS - 2)]
        async with workers[0].storage.begin() as tx:
            for number, session in enumerate(sessions):
                now = workers[0].clock()
                await tx.sessions.add(
                    replace(
                        session, created_at=now + number * hour / 100, expires_at=now + 90 * hour
                    )
                )

        await asyncio.gather(*(login_as(worker, user) for worker in workers * 2))

        assert len(await live(workers[0], user)) == MAX_SESSIONS

    async def test_many_log_ins_at_once_replace_an_outdated_hash(self, workers: list[Auth]) -> None:
        outdated = Argon2Passwords(Argon2Cost(memory_kib=16, time=2, parallelism=1))
        user, old_hash = make_user(), await outdated.hash(PASSWORD)
        await keep(workers[0].storage, user, password_hash=old_hash)

        pairs = await asyncio.gather(*(login_as(worker, user) for worker in workers * 2))

        assert len(await live(workers[0], user)) == len(pairs) == 8
        assert await read_user(workers[0].storage, user) == user
        new_hash = await read_password_hash(workers[0].storage, user)
        assert new_hash != old_hash
        assert await PASSWORDS.verify(PASSWORD, new_hash) == Verified(is_right=True)


class TestProfiles:
    async def test_changes_at_once_are_judged_one_after_the_other(
        self, workers: list[Auth]
    ) -> None:
        """Each is valid alone. What is stored in the end must be valid too."""

        def one_of_two(stored: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
            merged = stored | changes
            if merged.get("a") and merged.get("b"):
                raise InvalidInput(FieldError("body", "must not be both"))
            return merged

        async def change(worker: Auth, user: User, field: str) -> bool:
            try:
                await worker.update_profile(user.id, {field: True}, merge=one_of_two)
            except InvalidInput:
                return False
            return True

        for number in range(10):
            user = await a_user(workers[0], f"ada{number}@example.com")

            answers = await asyncio.gather(
                *(change(worker, user, "ab"[place % 2]) for place, worker in enumerate(workers))
            )

            assert sorted(answers) == [False, False, True, True]
            assert len((await workers[0].get_user(user.id)).profile) == 1


class TestSignUps:
    async def test_of_several_sign_ups_at_once_with_one_address_one_succeeds(
        self, workers: list[Auth]
    ) -> None:
        for number in range(5):
            spellings = ["ada", "Ada", "aDa", "ADA"]

            answers = await asyncio.gather(
                *(
                    outcome(worker.sign_up(email=f"{ada}{number}@example.com", password=PASSWORD))
                    for worker, ada in zip(workers, spellings, strict=True)
                )
            )

            assert sum(isinstance(answer, User) for answer in answers) == 1
            assert sum(isinstance(answer, EmailTaken) for answer in answers) == 3


class TestStarts:
    async def test_many_workers_may_migrate_at_once(self, url: str) -> None:
        storages = [SqlStorage.from_url(url, timeouts=PATIENT) for _ in range(4)]

        await asyncio.gather(*(storage.open(migrate=True) for storage in storages))

        user = make_user()
        await keep(storages[0], user)
        for storage in storages:
            assert await read_user(storage, user) == user
            await storage.close()

    async def test_many_workers_may_begin_a_new_file_at_once(self, tmp_path: Path) -> None:
        for number in range(10):
            url = f"sqlite:///{tmp_path}/new{number}.db"
            storages = [SqlStorage.from_url(url, timeouts=PATIENT) for _ in range(5)]

            await asyncio.gather(*(storage.open(migrate=True) for storage in storages))

            for storage in storages:
                await storage.open(migrate=False)
                await storage.close()


async def outcome(doing: Awaitable[object]) -> object:
    """Return its result, or its refusal; raise any other error."""
    try:
        return await doing
    except (SessionEnded, InvalidCredentials, EmailTaken) as refusal:
        return refusal


async def reset(auth: Auth, user: User, password: str) -> None:
    """Replace the password and end all sessions, as a user does after a theft."""
    old = await read_password_hash(auth.storage, user)
    new = await PASSWORDS.hash(password)
    async with auth.storage.begin() as tx:
        assert await tx.users.set_password_hash(user.id, new, replacing=old or "")
        await tx.sessions.end_all(user.id, EndReason.LOGOUT_ALL, auth.clock())
