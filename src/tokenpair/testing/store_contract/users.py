"""Contract of `ports.Users`."""
# ruff: noqa: S101, D102  Tests assert, and their names are their docstrings.

from dataclasses import replace
from datetime import timedelta, timezone

import pytest

from tokenpair.core.accounts.email import EmailAddress
from tokenpair.core.accounts.roles import MAX_ROLES
from tokenpair.core.accounts.user import StoredUser
from tokenpair.errors import EmailTaken
from tokenpair.ids import uuid7
from tokenpair.ports import Storage
from tokenpair.testing.store_contract.samples import (
    HASH,
    HOUR,
    NOW,
    TICK,
    keep,
    make_session,
    make_user,
    read_password_hash,
    read_session,
    read_user,
)


class UserPromises:
    """Accounts: stored, found, listed and changed."""

    async def test_a_stored_user_is_read_back_unchanged(self, storage: Storage) -> None:
        user = make_user(
            "Ada.Lovelace+x@Example.COM",
            email_verified_at=NOW,
            roles=frozenset({"admin", "author"}),
            version=7,
            disabled_at=NOW + TICK,
            profile={"name": "Ada ✒ \x00", "tags": [1, 2.5, None, True], "more": {"a": {}}},
        )

        await keep(storage, user)

        assert await read_user(storage, user) == user

    async def test_a_password_hash_is_stored_with_its_user(self, storage: Storage) -> None:
        user = make_user()
        stored = StoredUser(user=user, password_hash="hash-7")  # noqa: S106  A made-up hash.

        async with storage.begin() as tx:
            await tx.users.add(stored)

        async with storage.begin() as tx:
            assert await tx.users.lock(user.id) == stored
            assert await tx.users.by_email(user.email) == stored
            assert await tx.users.get(user.id) == user

    async def test_a_user_needs_neither_password_nor_profile(self, storage: Storage) -> None:
        user = make_user()

        await keep(storage, user, password_hash=None)

        assert await read_user(storage, user) == user
        assert await read_password_hash(storage, user) is None

    async def test_a_time_in_another_zone_is_read_back_as_the_same_moment(
        self, storage: Storage
    ) -> None:
        elsewhere = NOW.astimezone(timezone(timedelta(hours=5, minutes=45)))
        user = make_user(created_at=elsewhere)

        await keep(storage, user)

        kept = await read_user(storage, user)
        assert kept is not None
        assert kept.created_at == NOW
        assert kept.created_at.utcoffset() is not None

    async def test_a_user_is_found_by_canonical_address(self, storage: Storage) -> None:
        user = make_user("Ada@Example.com")

        await keep(storage, user)

        async with storage.reading() as look:
            found = await look.users.by_email(EmailAddress.parse("aDA@eXample.com"))
            assert found == StoredUser(user=user, password_hash=HASH)
            assert await look.users.by_email(EmailAddress.parse("eve@example.com")) is None

    async def test_an_address_is_taken_in_any_spelling(self, storage: Storage) -> None:
        first, second = make_user("Ada@Example.com"), make_user("ada@example.com")
        await keep(storage, first)

        with pytest.raises(EmailTaken):
            await keep(storage, second)

        assert await read_user(storage, first) == first
        assert await read_user(storage, second) is None

    async def test_an_id_has_one_user(self, storage: Storage) -> None:
        first = make_user("ada@example.com")
        second = make_user("bob@example.com", id=first.id)
        await keep(storage, first)

        with pytest.raises(EmailTaken):
            await keep(storage, second)

        assert await read_user(storage, first) == first

    async def test_an_unknown_user_is_none_or_false(self, storage: Storage) -> None:
        unknown = uuid7()

        async with storage.begin() as tx:
            assert await tx.users.get(unknown) is None
            assert await tx.users.lock(unknown) is None
            assert await tx.users.list(limit=10) == []
            assert not await tx.users.set_password_hash(unknown, "hash-2", replacing="hash-1")
            assert not await tx.users.set_profile(unknown, {"name": "Ada"})
            assert not await tx.users.set_roles(unknown, frozenset({"admin"}))
            assert not await tx.users.set_disabled(unknown, NOW)

    async def test_users_are_listed_newest_first(self, storage: Storage) -> None:
        users = [
            make_user(f"ada{number}@example.com", created_at=NOW + number * HOUR)
            for number in range(4)
        ]
        for user in users:
            await keep(storage, user)

        async with storage.reading() as look:
            listed = await look.users.list(limit=3)

        assert listed == [users[3], users[2], users[1]]

    async def test_a_hash_is_replaced_if_it_is_still_the_expected_one(
        self, storage: Storage
    ) -> None:
        user, other = make_user(), make_user("eve@example.com")
        await keep(storage, user)
        await keep(storage, other)

        async with storage.begin() as tx:
            first = await tx.users.set_password_hash(user.id, "hash-2", replacing="hash-1")
            second = await tx.users.set_password_hash(user.id, "hash-3", replacing="hash-1")

        assert (first, second) == (True, False)
        assert await read_password_hash(storage, user) == "hash-2"
        assert await read_password_hash(storage, other) == HASH
        assert await read_user(storage, user) == user

    async def test_a_missing_password_hash_matches_no_expected_one(self, storage: Storage) -> None:
        user = make_user()
        await keep(storage, user, password_hash=None)

        async with storage.begin() as tx:
            was_it = await tx.users.set_password_hash(user.id, "hash-2", replacing="")

        assert not was_it
        assert await read_password_hash(storage, user) is None

    async def test_a_profile_is_replaced(self, storage: Storage) -> None:
        user, other = make_user(profile={"name": "Ada"}), make_user("eve@example.com")
        await keep(storage, user)
        await keep(storage, other)
        profile = {"town": None, "age": 36, "tags": [1.5, {"a": "✒"}]}

        async with storage.begin() as tx:
            is_known = await tx.users.set_profile(user.id, profile)

        assert is_known
        assert await read_user(storage, user) == replace(user, profile=profile)
        assert await read_user(storage, other) == other

    async def test_new_roles_increase_the_version(self, storage: Storage) -> None:
        user = make_user(roles=frozenset({"reader", "author"}), version=3)
        await keep(storage, user)

        async with storage.begin() as tx:
            known = await tx.users.set_roles(user.id, frozenset({"author", "admin"}))

        assert known
        assert await read_user(storage, user) == replace(
            user, roles=frozenset({"author", "admin"}), version=4
        )

    async def test_the_same_roles_change_nothing(self, storage: Storage) -> None:
        user = make_user(roles=frozenset({"reader", "author"}), version=3)
        await keep(storage, user)

        async with storage.begin() as tx:
            known = await tx.users.set_roles(user.id, frozenset({"author", "reader"}))

        assert known
        assert await read_user(storage, user) == user

    async def test_roles_that_no_token_can_carry_are_not_stored(self, storage: Storage) -> None:
        """A hook writes them without the checks of `auth.set_roles`."""
        user = make_user(roles=frozenset({"reader"}), version=3)
        await keep(storage, user)

        for roles in ({"bad role!"}, {f"role-{number}" for number in range(MAX_ROLES + 1)}):
            with pytest.raises(ValueError, match="roles must be up to"):
                async with storage.begin() as tx:
                    await tx.users.set_roles(user.id, frozenset(roles))

        assert await read_user(storage, user) == user

    async def test_a_user_is_disabled_and_enabled(self, storage: Storage) -> None:
        user = make_user()
        session = make_session(user)
        await keep(storage, user, session)

        async with storage.begin() as tx:
            assert await tx.users.set_disabled(user.id, NOW)
        disabled = await read_user(storage, user)
        async with storage.begin() as tx:
            assert await tx.users.set_disabled(user.id, None)

        assert disabled == replace(user, disabled_at=NOW)
        assert await read_user(storage, user) == user
        assert await read_session(storage, session) == session
