"""A session is opened for a proof that holds while the user's row is locked, and only then."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.storages import open_storage
from tokenpair import Auth, Device, User
from tokenpair.core.accounts.user import StoredUser
from tokenpair.errors import InvalidCredentials
from tokenpair.flows.sessions.log_in import PasswordProof
from tokenpair.flows.sessions.open_session import OpenSession, ProofOutdated
from tokenpair.ids import uuid7
from tokenpair.ports import Storage, UnitOfWork
from tokenpair.testing import a_user, make_auth
from tokenpair.testing.store_contract import read_password_hash
from tokenpair.testing.store_contract.samples import waits

DEVICE = Device(user_agent="Firefox", ip="203.0.113.7")


@dataclass(frozen=True)
class OtherProof:
    """A way to log in that the library does not have. It gives the user a profile."""

    holds: bool = True
    amr: frozenset[str] = frozenset({"hwk", "user"})

    async def confirm(self, user: StoredUser, tx: UnitOfWork) -> bool:
        await tx.users.set_profile(user.user.id, {"key": "used"})
        return self.holds


@pytest.fixture(params=["memory", "sqlite", "postgres"])
async def storage(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Storage]:
    async with open_storage(request, tmp_path) as storage:
        yield storage


@pytest.fixture
async def auth(storage: Storage) -> AsyncIterator[Auth]:
    async with make_auth(storage=storage) as auth:
        yield auth


@pytest.fixture
async def ada(auth: Auth) -> User:
    return await a_user(auth)


@pytest.fixture
def open_session(auth: Auth) -> OpenSession:
    return auth.log_in.open_session


async def password_proof(auth: Auth, user: User, *, new_hash: str | None = None) -> PasswordProof:
    """Return the proof that a log-in has just made."""
    password_hash = await read_password_hash(auth.storage, user)
    assert password_hash
    return PasswordProof(verified_hash=password_hash, new_hash=new_hash)


async def change_password(auth: Auth, user: User, proof: PasswordProof) -> None:
    async with auth.storage.begin() as tx:
        assert await tx.users.set_password_hash(user.id, "another", replacing=proof.verified_hash)


async def test_a_proof_opens_a_session_on_the_device(
    auth: Auth, ada: User, open_session: OpenSession
) -> None:
    pair = await open_session(ada.id, await password_proof(auth, ada), DEVICE)

    claims = await auth.verify_access(pair.access_token)
    (session,) = await auth.list_sessions(ada.id)
    assert (claims.subject, claims.session_id) == (ada.id, session.id)
    assert (session.user_agent, session.ip) == ("Firefox", "203.0.113.7")
    assert session.amr == claims.amr == {"pwd"}


async def test_a_password_that_was_changed_after_the_comparison_opens_none(
    auth: Auth, ada: User, open_session: OpenSession
) -> None:
    proof = await password_proof(auth, ada, new_hash="rehashed")
    await change_password(auth, ada, proof)

    with pytest.raises(ProofOutdated):
        await open_session(ada.id, proof, DEVICE)

    assert await auth.list_sessions(ada.id) == []
    assert await read_password_hash(auth.storage, ada) == "another"


async def test_a_user_who_was_disabled_after_the_comparison_gets_none(
    auth: Auth, ada: User, open_session: OpenSession
) -> None:
    proof = await password_proof(auth, ada)
    await auth.disable(ada.id)

    with pytest.raises(InvalidCredentials):
        await open_session(ada.id, proof, DEVICE)

    await auth.enable(ada.id)
    assert await auth.list_sessions(ada.id) == []


async def test_an_unknown_user_gets_none(open_session: OpenSession) -> None:
    with pytest.raises(InvalidCredentials):
        await open_session(uuid7(), OtherProof(), DEVICE)


async def test_the_proof_is_confirmed_after_a_change_that_holds_the_lock(
    auth: Auth, ada: User, open_session: OpenSession
) -> None:
    proof = await password_proof(auth, ada)

    async with auth.storage.begin() as tx:
        await tx.users.lock(ada.id)
        opening = asyncio.create_task(open_session(ada.id, proof, DEVICE))
        assert await waits(opening)
        await tx.users.set_password_hash(ada.id, "another", replacing=proof.verified_hash)

    with pytest.raises(ProofOutdated):
        await opening
    assert await auth.list_sessions(ada.id) == []


async def test_a_new_hash_is_stored_with_the_session(
    auth: Auth, ada: User, open_session: OpenSession
) -> None:
    await open_session(ada.id, await password_proof(auth, ada, new_hash="rehashed"), DEVICE)

    assert await read_password_hash(auth.storage, ada) == "rehashed"


async def test_every_access_token_names_the_methods_of_the_proof(
    auth: Auth, ada: User, open_session: OpenSession
) -> None:
    first = await open_session(ada.id, OtherProof(), DEVICE)
    second = await auth.renew(first.refresh_token)

    for pair in (first, second):
        assert (await auth.verify_access(pair.access_token)).amr == {"hwk", "user"}
    assert (await auth.get_user(ada.id)).profile == {"key": "used"}


async def test_a_proof_that_does_not_hold_leaves_nothing_behind(
    auth: Auth, ada: User, open_session: OpenSession
) -> None:
    with pytest.raises(ProofOutdated):
        await open_session(ada.id, OtherProof(holds=False), DEVICE)

    assert await auth.list_sessions(ada.id) == []
    assert (await auth.get_user(ada.id)).profile == {}


async def test_a_proof_does_not_show_its_hashes(auth: Auth, ada: User) -> None:
    proof = await password_proof(auth, ada, new_hash="rehashed")

    assert proof.verified_hash not in repr(proof)
    assert "rehashed" not in repr(proof)
