"""Contract of `ports.Users` when several units of work use one account at the same time."""
# ruff: noqa: S101, D102  Tests assert, and their names are their docstrings.

import asyncio
from dataclasses import replace

from tokenpair.core.accounts.user import StoredUser, User
from tokenpair.core.sessions.rule import (
    EndReason,
    StoredSession,
)
from tokenpair.errors import EmailTaken
from tokenpair.ports import Storage
from tokenpair.testing.store_contract.samples import (
    HASH,
    NOW,
    keep,
    make_session,
    make_user,
    read_password_hash,
    read_user,
    waits,
)


class UserLockPromises:
    """Accounts: locks, and changes at the same time."""

    async def test_of_several_sign_ups_with_one_address_one_succeeds(
        self, storage: Storage
    ) -> None:
        users = [make_user() for _ in range(5)]

        answers = await asyncio.gather(
            *(keep(storage, user) for user in users), return_exceptions=True
        )

        assert answers.count(None) == 1
        assert sum(isinstance(answer, EmailTaken) for answer in answers) == 4
        async with storage.reading() as look:
            assert await look.users.list(limit=10) == [users[answers.index(None)]]

    async def test_of_two_replacements_of_a_hash_one_succeeds(self, storage: Storage) -> None:
        user = make_user()
        await keep(storage, user)

        async def set_hash(new: str) -> bool:
            async with storage.begin() as tx:
                return await tx.users.set_password_hash(user.id, new, replacing="hash-1")

        answers = await asyncio.gather(set_hash("hash-2"), set_hash("hash-3"))

        assert sorted(answers) == [False, True]
        assert await read_password_hash(storage, user) == f"hash-{answers.index(True) + 2}"

    async def test_concurrent_changes_under_a_lock_are_all_kept(self, storage: Storage) -> None:
        user = make_user()
        await keep(storage, user)

        async def add(field: str) -> None:
            async with storage.begin() as tx:
                locked = await tx.users.lock(user.id)
                assert locked is not None
                await tx.users.set_profile(user.id, locked.user.profile | {field: field})

        await asyncio.gather(*map(add, "abcdefgh"))

        assert await read_user(storage, user) == replace(
            user, profile={field: field for field in "abcdefgh"}
        )

    async def test_each_of_several_concurrent_changes_of_roles_counts(
        self, storage: Storage
    ) -> None:
        user = make_user()
        await keep(storage, user)

        async def set_role(role: str) -> None:
            async with storage.begin() as tx:
                await tx.users.set_roles(user.id, frozenset({role}))

        await asyncio.gather(*map(set_role, "abcdef"))

        kept = await read_user(storage, user)
        assert kept is not None
        assert kept.version == 6

    async def test_a_second_lock_of_a_user_waits(self, storage: Storage) -> None:
        user = make_user()
        await keep(storage, user)

        async def lock() -> None:
            async with storage.begin() as tx:
                await tx.users.lock(user.id)

        async with asyncio.TaskGroup() as tasks, storage.begin() as tx:
            await tx.users.lock(user.id)
            other = tasks.create_task(lock())
            waited = await waits(other)

        assert waited

    async def test_concurrent_log_ins_of_one_user_are_all_kept(self, storage: Storage) -> None:
        user = make_user()
        await keep(storage, user)
        sessions = [make_session(user) for _ in range(6)]

        async def open_session(session: StoredSession) -> None:
            async with storage.begin() as tx:
                assert await tx.users.lock(user.id) == StoredUser(user=user, password_hash=HASH)
                await tx.sessions.add(session)

        await asyncio.gather(*map(open_session, sessions))

        async with storage.reading() as look:
            live = await look.sessions.live(user.id, NOW)
        assert {session.id for session in live} == {session.id for session in sessions}

    async def test_a_change_of_a_locked_user_waits(self, storage: Storage) -> None:
        """Otherwise a session opened with the old password would outlive the change."""
        user = make_user()
        session = make_session(user)
        await keep(storage, user)

        async def change_password() -> int:
            async with storage.begin() as tx:
                await tx.users.set_password_hash(user.id, "hash-2", replacing="hash-1")
                return await tx.sessions.end_all(user.id, EndReason.LOGOUT_ALL, NOW)

        async with asyncio.TaskGroup() as tasks, storage.begin() as tx:
            locked = await tx.users.lock(user.id)
            change = tasks.create_task(change_password())
            waited = await waits(change)
            await tx.sessions.add(session)

        assert locked is not None
        assert locked.user == user
        assert waited
        assert change.result() == 1

    async def test_a_lock_that_waited_returns_the_user_as_committed(self, storage: Storage) -> None:
        user = make_user()
        await keep(storage, user)

        async def lock() -> User | None:
            async with storage.begin() as tx:
                found = await tx.users.lock(user.id)
            return found.user if found else None

        async with asyncio.TaskGroup() as tasks, storage.begin() as tx:
            await tx.users.set_disabled(user.id, NOW)
            other = tasks.create_task(lock())
            waited = await waits(other)

        assert waited
        assert other.result() == replace(user, disabled_at=NOW)
