"""An account changes at several workers at the same time."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.storages import PATIENT, database_url
from tests.stores.racing import at_once, outcome_of
from tests.waiting import eventually
from tokenpair import Auth, MailOptions, MailPurpose, TokenPair, User
from tokenpair.core.accounts.export import EXPORTED
from tokenpair.core.tokens.key import Key
from tokenpair.core.tokens.keyring import Keyring
from tokenpair.errors import (
    InvalidCredentials,
    MailTokenInvalid,
    NotFound,
    SessionEnded,
    WrongPassword,
)
from tokenpair.passwords import Argon2Passwords
from tokenpair.stores.sql import SqlStorage
from tokenpair.testing import CHEAP, PASSWORD, FakeClock, Inbox, a_user, login_as, make_auth

ROUNDS = 8
NEW = ("purple elephants dance on marbles", "seven quiet lanterns in the harbour")


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return database_url(request, tmp_path)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def keyring() -> Keyring:
    return Keyring([Key.generate()])


@pytest.fixture
def inbox() -> Inbox:
    """Return where the mails of all workers arrive."""
    return Inbox()


def worker(url: str, clock: FakeClock, keyring: Keyring, inbox: Inbox) -> Auth:
    return make_auth(
        storage=SqlStorage.from_url(url, timeouts=PATIENT),
        clock=clock,
        keyring=keyring,
        passwords=Argon2Passwords(CHEAP),
        mail_options=MailOptions(sender=inbox),
    )


@pytest.fixture
async def workers(
    url: str, clock: FakeClock, keyring: Keyring, inbox: Inbox
) -> AsyncIterator[list[Auth]]:
    workers = [worker(url, clock, keyring, inbox) for _ in range(2)]
    for each in workers:  # One after the other, because the first one migrates.
        await each.open()
    yield workers
    for each in workers:
        await each.close()


async def is_gone(auth: Auth, user: User) -> bool:
    async with auth.storage.reading() as look:
        rows = await look.export.rows(user.id)
    return rows == {name: [] for name in EXPORTED}


async def is_refused(auth: Auth, pair: TokenPair) -> bool:
    """Is neither token of the pair accepted by this worker, once it has read the feed?"""
    await auth.feed.poll()
    access = await outcome_of(auth.verify_access(pair.access_token))
    return (access, await outcome_of(auth.renew(pair.refresh_token))) == (SessionEnded,) * 2


async def token_from(inbox: Inbox, purpose: MailPurpose) -> str:
    """Wait for a mail with a link, from any worker; return its token."""
    await eventually(lambda: any(each.purpose is purpose for each in inbox.messages))
    (link,) = [each.link for each in inbox.messages if each.purpose is purpose]
    assert link is not None
    inbox.messages.clear()
    return link.partition("#token=")[2]


class TestDeletion:
    async def test_another_worker_refuses_a_deleted_users_token(
        self, workers: list[Auth], url: str, clock: FakeClock, keyring: Keyring, inbox: Inbox
    ) -> None:
        """R16: one that runs, and one that starts when the row is gone."""
        here, there = workers
        user = await a_user(here)
        pairs = [await login_as(here, user) for _ in range(2)]
        claims = [await there.verify_access(each.access_token) for each in pairs]

        await here.delete(user.id)

        for each in claims:
            with pytest.raises(SessionEnded):
                await there.require_session(each)
        assert [await is_refused(there, each) for each in pairs] == [True] * 2
        async with worker(url, clock, keyring, inbox) as later:
            assert [await is_refused(later, each) for each in pairs] == [True] * 2

    async def test_a_log_in_at_the_same_moment_leaves_no_session(self, workers: list[Auth]) -> None:
        here, there = workers
        for _ in range(ROUNDS):
            user = await a_user(here)

            deleted, pair = await at_once(here.delete(user.id), login_as(there, user))

            assert deleted is None
            assert await is_gone(there, user)
            if isinstance(pair, TokenPair):
                assert await is_refused(here, pair)
                assert await is_refused(there, pair)
            else:
                assert pair is InvalidCredentials

    async def test_a_renewal_at_the_same_moment_revives_nothing(
        self, workers: list[Auth], clock: FakeClock
    ) -> None:
        here, there = workers
        for _ in range(ROUNDS):
            user = await a_user(here)
            pair = await login_as(here, user)
            clock.advance(minutes=3)

            deleted, renewed = await at_once(here.delete(user.id), there.renew(pair.refresh_token))

            assert deleted is None
            assert await is_gone(there, user)
            for each in (pair, renewed):
                if isinstance(each, TokenPair):
                    assert await is_refused(here, each)
                    assert await is_refused(there, each)
            assert isinstance(renewed, TokenPair) or renewed is SessionEnded

    async def test_all_at_the_same_moment_revive_nothing(
        self, workers: list[Auth], inbox: Inbox, clock: FakeClock
    ) -> None:
        here, there = workers
        for _ in range(ROUNDS):
            user = await a_user(here)
            pair = await login_as(here, user)
            await here.forgot_password(email="ada@example.com")
            token = await token_from(inbox, MailPurpose.RESET_PASSWORD)
            clock.advance(minutes=3)

            reset, *pairs, deleted = await at_once(
                there.reset_password(token=token, new_password=NEW[0]),
                login_as(there, user),
                here.renew(pair.refresh_token),
                there.renew(pair.refresh_token),
                here.delete(user.id),
            )

            assert (deleted, reset in {None, MailTokenInvalid}) == (None, True)
            assert await is_gone(there, user)
            for each in (pair, *pairs):
                if isinstance(each, TokenPair):
                    assert await is_refused(here, each)
                    assert await is_refused(there, each)
                else:
                    assert each in {InvalidCredentials, SessionEnded}

    async def test_of_two_deletions_at_once_one_succeeds(self, workers: list[Auth]) -> None:
        here, there = workers
        for _ in range(ROUNDS):
            user = await a_user(here)

            outcomes = await at_once(here.delete(user.id), there.delete(user.id))

            assert sorted(outcomes, key=str) == sorted([None, NotFound], key=str)

    async def test_a_confirmed_address_at_the_same_moment_revives_nothing(
        self, workers: list[Auth], inbox: Inbox
    ) -> None:
        here, there = workers
        for _ in range(ROUNDS):
            user = await a_user(here)
            await here.change_email(user.id, password=PASSWORD, new_email="new@example.org")
            token = await token_from(inbox, MailPurpose.CHANGE_EMAIL)

            deleted, confirmed = await at_once(
                here.delete(user.id), there.confirm_email_change(token)
            )

            assert deleted is None
            assert confirmed in {None, MailTokenInvalid}
            assert await is_gone(there, user)

    async def test_a_reset_at_the_same_moment_revives_nothing(
        self, workers: list[Auth], inbox: Inbox
    ) -> None:
        here, there = workers
        for _ in range(ROUNDS):
            user = await a_user(here)
            await here.forgot_password(email="ada@example.com")
            token = await token_from(inbox, MailPurpose.RESET_PASSWORD)

            deleted, reset = await at_once(
                here.delete(user.id), there.reset_password(token=token, new_password=NEW[0])
            )

            assert deleted is None
            assert reset in {None, MailTokenInvalid}
            assert await is_gone(there, user)
            assert await outcome_of(there.log_in(email="ada@example.com", password=NEW[0])) is (
                InvalidCredentials
            )


class TestChangeOfPassword:
    async def test_of_two_at_once_one_succeeds(self, workers: list[Auth]) -> None:
        """The other one's current password is the current one no more."""
        here, there = workers
        for _ in range(ROUNDS):
            user = await a_user(here)

            outcomes = await at_once(
                *(
                    each.change_password(user.id, current_password=PASSWORD, new_password=password)
                    for each, password in zip((here, there), NEW, strict=True)
                )
            )

            assert sorted(outcomes, key=str) == sorted([None, WrongPassword], key=str)
            set_password = NEW[outcomes.index(None)]
            assert await here.log_in(email="ada@example.com", password=set_password)
            await here.delete(user.id)

    async def test_a_renewal_at_the_same_moment_saves_no_other_session(
        self, workers: list[Auth], clock: FakeClock
    ) -> None:
        """R10: when both have returned, no token of the other session works."""
        here, there = workers
        user = await a_user(here)
        password = PASSWORD
        for new in NEW * (ROUNDS // 2):
            mine, other = [
                await here.log_in(email="ada@example.com", password=password) for _ in range(2)
            ]
            claims = await here.verify_access(mine.access_token)
            clock.advance(minutes=3)

            changed, renewed = await at_once(
                here.change_password(
                    user.id,
                    current_password=password,
                    new_password=new,
                    keep_session=claims.session_id,
                ),
                there.renew(other.refresh_token),
            )
            password = new

            assert changed is None
            for each in (other, renewed):
                if isinstance(each, TokenPair):
                    assert await is_refused(here, each)
                    assert await is_refused(there, each)
            assert await there.renew(mine.refresh_token)

    async def test_a_log_in_with_the_old_password_at_the_same_moment_leaves_no_session(
        self, workers: list[Auth]
    ) -> None:
        here, there = workers
        for _ in range(ROUNDS):
            user = await a_user(here)

            changed, pair = await at_once(here.set_password(user.id, NEW[0]), login_as(there, user))

            assert changed is None
            assert await here.list_sessions(user.id) == []
            if isinstance(pair, TokenPair):
                assert await is_refused(there, pair)
            else:
                assert pair is InvalidCredentials
            await here.delete(user.id)
