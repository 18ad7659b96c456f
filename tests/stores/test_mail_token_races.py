"""A token from a mail is used at several workers at the same moment, or beside other changes."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.storages import PATIENT, database_url
from tests.stores.racing import at_once, outcome_of
from tokenpair import Auth, MailPurpose, TokenPair, User
from tokenpair.core.tokens.key import Key
from tokenpair.core.tokens.keyring import Keyring
from tokenpair.errors import InvalidCredentials, MailTokenInvalid, SessionEnded
from tokenpair.options import MailOptions
from tokenpair.stores.sql import SqlStorage
from tokenpair.testing import FakeClock, a_user, login_as, make_auth, read_mail_token, read_mails

VERIFY, RESET = MailPurpose.VERIFY_EMAIL, MailPurpose.RESET_PASSWORD
NEW = "nine green umbrellas sail"
ROUNDS = 6


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return database_url(request, tmp_path)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def workers(url: str, clock: FakeClock) -> AsyncIterator[list[Auth]]:
    """Two workers. The first one delivers all mails; the second one has its mails off."""
    keyring = Keyring([Key.generate()])
    workers = [
        make_auth(
            storage=SqlStorage.from_url(url, timeouts=PATIENT),
            clock=clock,
            keyring=keyring,
            mail_options=options,
        )
        for options in (None, MailOptions(is_on=False))
    ]
    for each in workers:  # One after the other, because the first one migrates.
        await each.open()
    yield workers
    for each in workers:
        await each.close()


async def forgotten(auth: Auth, user: User) -> str:
    await auth.forgot_password(email=user.email.typed)
    return await read_mail_token(auth, RESET)


async def is_refused(auth: Auth, pair: TokenPair) -> bool:
    """Is neither token of the pair accepted by this worker, once it has read the feed?"""
    await auth.feed.poll()
    access = await outcome_of(auth.verify_access(pair.access_token))
    return (access, await outcome_of(auth.renew(pair.refresh_token))) == (SessionEnded,) * 2


async def test_of_twenty_resets_at_once_one_succeeds(workers: list[Auth]) -> None:
    user = await a_user(workers[0])
    token = await forgotten(workers[0], user)
    passwords = [f"{NEW} {number}" for number in range(20)]

    outcomes = await at_once(
        *(
            workers[number % 2].reset_password(token=token, new_password=password)
            for number, password in enumerate(passwords)
        )
    )

    assert sorted(outcomes, key=str) == sorted([None, *[MailTokenInvalid] * 19], key=str)
    winner = passwords[outcomes.index(None)]
    assert await workers[1].log_in(email=user.email.typed, password=winner)


async def test_of_twenty_verifications_at_once_one_succeeds(workers: list[Auth]) -> None:
    user = await a_user(workers[0])
    token = await read_mail_token(workers[0], VERIFY)

    outcomes = await at_once(*(workers[number % 2].verify_email(token) for number in range(20)))

    assert sorted(outcomes, key=str) == sorted([None, *[MailTokenInvalid] * 19], key=str)
    assert (await workers[1].get_user(user.id)).version == user.version + 1


async def test_a_log_in_with_the_old_password_leaves_no_session_after_a_reset(
    workers: list[Auth],
) -> None:
    here, there = workers
    for number in range(ROUNDS):
        user = await a_user(here, f"ada{number}@example.com")
        token = await forgotten(here, user)

        reset, pair = await at_once(
            here.reset_password(token=token, new_password=NEW), login_as(there, user)
        )

        assert reset is None
        assert await here.list_sessions(user.id) == []
        if isinstance(pair, TokenPair):
            assert await is_refused(here, pair)
            assert await is_refused(there, pair)
        else:
            assert pair is InvalidCredentials


async def test_a_renewal_at_the_moment_of_a_reset_revives_nothing(
    workers: list[Auth], clock: FakeClock
) -> None:
    here, there = workers
    for number in range(ROUNDS):
        user = await a_user(here, f"ada{number}@example.com")
        pair = await login_as(here, user)
        clock.advance(minutes=3)
        token = await forgotten(here, user)

        reset, renewed = await at_once(
            here.reset_password(token=token, new_password=NEW), there.renew(pair.refresh_token)
        )

        assert reset is None
        assert await there.list_sessions(user.id) == []
        assert isinstance(renewed, TokenPair) or renewed is SessionEnded
        for each in (pair, renewed):
            if isinstance(each, TokenPair):
                assert await is_refused(here, each)
                assert await is_refused(there, each)


async def test_a_deletion_at_the_moment_of_a_reset_leaves_nothing(workers: list[Auth]) -> None:
    here, there = workers
    for number in range(ROUNDS):
        user = await a_user(here, f"ada{number}@example.com")
        token = await forgotten(here, user)

        reset, deleted = await at_once(
            here.reset_password(token=token, new_password=NEW), there.delete(user.id)
        )

        assert deleted is None
        assert reset in {None, MailTokenInvalid}
        assert await outcome_of(here.get_user(user.id)) is SessionEnded
        again = here.reset_password(token=token, new_password=NEW)
        assert await outcome_of(again) is MailTokenInvalid


async def test_mails_that_are_delivered_meanwhile_do_not_stop_a_reset(workers: list[Auth]) -> None:
    """A newer mail replaces the token, or comes too late for it: no other outcome, and no wait."""
    here, there = workers
    user = await a_user(here)
    for number in range(ROUNDS):
        token = await forgotten(here, user)
        await here.forgot_password(email=user.email.typed)
        password = f"{NEW} {number}"

        reset, mails = await at_once(
            there.reset_password(token=token, new_password=password), read_mails(here)
        )

        assert reset in {None, MailTokenInvalid}
        assert isinstance(mails, list)
        if reset is None:
            assert await there.log_in(email=user.email.typed, password=password)
