"""Contract of `ports.Users`: new passwords and addresses."""
# ruff: noqa: S101, D102  Tests assert, and their names are their docstrings.

from dataclasses import replace

import pytest

from tokenpair.core.accounts.email import EmailAddress
from tokenpair.core.accounts.events import EmailVerified
from tokenpair.core.accounts.user import StoredUser
from tokenpair.errors import EmailTaken
from tokenpair.ids import uuid7
from tokenpair.ports import Storage
from tokenpair.testing.store_contract.samples import HOUR, NOW, keep, make_user, read_user


class CredentialPromises:
    """Passwords and addresses: replaced, with the versions that depend on them."""

    async def test_a_new_password_raises_the_version_of_the_credentials(
        self, storage: Storage
    ) -> None:
        user = make_user()
        await keep(storage, user)

        async with storage.begin() as tx:
            assert await tx.users.set_password(user.id, "hash-8")
            assert await tx.users.set_password_hash(user.id, "hash-9", replacing="hash-8")
            assert not await tx.users.set_password(uuid7(), "hash-8")

        async with storage.begin() as tx:
            found = await tx.users.lock(user.id)
        assert found == StoredUser(user=user, password_hash="hash-9", credential_version=1)  # noqa: S106  A made-up hash.

    async def test_a_new_address_replaces_the_old(self, storage: Storage) -> None:
        user = make_user("ada@example.com", email_verified_at=NOW)
        await keep(storage, user)
        address = EmailAddress.parse("Lovelace@Example.org")

        async with storage.begin() as tx:
            assert await tx.users.set_email(user.id, address, verified_at=NOW + HOUR)
            assert not await tx.users.set_email(
                uuid7(), EmailAddress.parse("a@b.example"), verified_at=None
            )

        changed = replace(user, email=address, email_verified_at=NOW + HOUR)
        assert await read_user(storage, user) == changed
        async with storage.reading() as look:
            assert await look.users.by_email(user.email) is None

    async def test_an_address_of_another_account_is_refused(self, storage: Storage) -> None:
        ada, eve = make_user("ada@example.com"), make_user("eve@example.com")
        await keep(storage, ada)
        await keep(storage, eve)

        with pytest.raises(EmailTaken) as refused:
            async with storage.begin() as tx:
                await tx.users.set_email(
                    eve.id, EmailAddress.parse("ADA@example.com"), verified_at=NOW
                )
        async with storage.begin() as tx:
            await tx.users.set_email(ada.id, EmailAddress.parse("ADA@example.com"), verified_at=NOW)

        # A cause would quote the row in the log.
        assert refused.value.__cause__ is None
        assert await read_user(storage, eve) == eve

    async def test_a_verified_address_raises_the_version_once(self, storage: Storage) -> None:
        user = make_user(version=4)
        await keep(storage, user)

        async with storage.begin() as tx:
            for at in (NOW, NOW + HOUR):
                assert await tx.users.set_email_verified(user.id, at)
            assert not await tx.users.set_email_verified(uuid7(), NOW)
            assert tx.recorded == [EmailVerified(user_id=user.id, version=5)]

        changed = replace(user, email_verified_at=NOW, version=5)
        assert await read_user(storage, user) == changed
