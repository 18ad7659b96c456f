"""An `Auth` on each storage, and what its flows record."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import pytest

from tests.storages import make_storage
from tokenpair import Auth, MailPurpose, User
from tokenpair.core.events import Event
from tokenpair.lifecycle import Lifecycle, OpenStorage
from tokenpair.ports import Storage
from tokenpair.testing import FakeClock, a_user, make_auth, read_mails

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Flow = TypeVar("Flow", bound="DataclassInstance")


@pytest.fixture(params=["memory", "sqlite", pytest.param("postgres", marks=pytest.mark.long)])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Storage:
    return make_storage(request, tmp_path)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def auth(storage: Storage, clock: FakeClock) -> AsyncIterator[Auth]:
    async with make_auth(storage=storage, clock=clock) as auth:
        yield auth


@pytest.fixture
async def ada(auth: Auth) -> User:
    """Return a user whose mail of the sign-up has been delivered."""
    user = await a_user(auth)
    await read_mails(auth)
    return user


def watched(flow: Flow, told: list[Event]) -> Flow:
    """Return a flow that appends to `told` what it records, after its commit."""
    lifecycle = Lifecycle(development=True)
    lifecycle.open()
    opened: OpenStorage = getattr(flow, "storage")  # noqa: B009  Every flow here has one.
    storage = OpenStorage(opened._storage, lifecycle, notify=told.append)
    return replace(flow, storage=storage)


async def mails_of(auth: Auth) -> list[tuple[MailPurpose, str]]:
    """Deliver the mails that wait; return their purposes and recipients, sorted by name.

    Without the mail of a sign-up, which verifies the address.
    """
    found = [(each.purpose, each.recipient) for each in await read_mails(auth)]
    return sorted((each for each in found if each[0] is not MailPurpose.VERIFY_EMAIL), key=str)
