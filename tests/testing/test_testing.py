"""`tokenpair.testing`, which apps use in their tests."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tokenpair import PasswordPolicy
from tokenpair.errors import InvalidCredentials, InvalidInput, SessionEnded
from tokenpair.ports import Storage
from tokenpair.stores.memory import MemoryStorage
from tokenpair.stores.sql import SqlStorage
from tokenpair.testing import PASSWORD, a_user, empty_storage, login_as, make_auth, make_claims


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def storage(request: pytest.FixtureRequest) -> Storage:
    if request.param == "memory":
        return MemoryStorage()
    if request.param == "sqlite":
        return SqlStorage.from_url(f"sqlite:///{request.getfixturevalue('tmp_path')}/test.db")
    return SqlStorage.from_url(request.getfixturevalue("postgres_url"))


async def test_in_an_emptied_storage_the_next_test_finds_nothing(storage: Storage) -> None:
    async with make_auth(storage=storage) as auth:
        ada = await a_user(auth, roles="admin")
        pair = await login_as(auth, ada)

        await empty_storage(auth)

        with pytest.raises(InvalidCredentials):
            await login_as(auth, ada)
        with pytest.raises(SessionEnded):
            await auth.verify_access(pair.access_token)
        with pytest.raises(SessionEnded):
            await auth.renew(pair.refresh_token)
        async with storage.reading() as tx:
            assert await tx.users.list(limit=10) == []


async def test_in_an_emptied_storage_everything_works(storage: Storage) -> None:
    async with make_auth(storage=storage) as auth:
        for _ in range(2):
            ada = await a_user(auth, roles="admin")
            pair = await auth.renew((await login_as(auth, ada)).refresh_token)
            claims = await auth.verify_access(pair.access_token, check_session=True)
            await auth.log_out(pair.access_token)
            with pytest.raises(SessionEnded):
                await auth.verify_access(pair.access_token)

            await empty_storage(auth)

            assert claims.subject == ada.id


class ForeignStorage(MemoryStorage):
    """A storage with a unit of work that has only the methods of the port."""

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[Any]:
        yield object()


async def test_a_storage_of_ones_own_is_not_emptied_by_guessing() -> None:
    with pytest.raises(
        TypeError, match="empty_storage does not support ForeignStorage: empty it yourself"
    ):
        await empty_storage(make_auth(storage=ForeignStorage()))


async def test_the_policy_of_a_test_is_the_tests_to_choose() -> None:
    strict = make_auth(policy=PasswordPolicy(min_length=100))

    with pytest.raises(InvalidInput):
        await strict.sign_up(email="ada@example.com", password=PASSWORD)

    assert await a_user(make_auth())


def test_claims_can_be_made_without_a_session() -> None:
    one, other = make_claims(roles="admin editor"), make_claims()

    assert one.roles == {"admin", "editor"}
    assert other.roles == frozenset()
    assert one.subject != other.subject
    assert make_claims(one.subject).subject == one.subject
