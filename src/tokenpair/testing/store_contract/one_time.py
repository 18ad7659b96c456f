"""Contract of `ports.OneTimeTokens`."""
# ruff: noqa: S101, D102  Tests assert, and their names are their docstrings.

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from tokenpair.core.one_time import Purpose, StoredOneTimeToken
from tokenpair.errors import EmailTaken
from tokenpair.ids import uuid7
from tokenpair.ports import Storage
from tokenpair.testing.store_contract.samples import HOUR, NOW, TICK


def make_one_time_token(**changes: Any) -> StoredOneTimeToken:  # noqa: ANN401
    """Return a token to reset a password, valid for an hour from `NOW`, with changed fields."""
    token = StoredOneTimeToken(
        user_id=uuid7(),
        purpose=Purpose.RESET_PASSWORD,
        token_hash=b"hash-1",
        address="Ada@example.com",
        credential_version=3,
        data={"roles": ["editor"]},
        created_at=NOW,
        expires_at=NOW + HOUR,
    )
    return replace(token, **changes)


async def _put(storage: Storage, *tokens: StoredOneTimeToken) -> None:
    async with storage.begin() as tx:
        for token in tokens:
            await tx.one_time.put(token)


async def _use(storage: Storage, token: StoredOneTimeToken, **other: Any) -> object:  # noqa: ANN401
    values: dict[str, Any] = {
        "user_id": token.user_id,
        "purpose": token.purpose,
        "token_hash": token.token_hash,
        "now": NOW,
    }
    async with storage.begin() as tx:
        return await tx.one_time.use(**values | other)


class OneTimePromises:
    """One-time tokens: each is used once, and replaced by a newer one."""

    async def test_a_used_token_is_the_one_that_was_stored(self, storage: Storage) -> None:
        token = make_one_time_token()
        await _put(storage, token)

        assert await _use(storage, token) == token

    async def test_a_token_without_credentials_is_read_back_unchanged(
        self, storage: Storage
    ) -> None:
        token = make_one_time_token(credential_version=None, data={})
        await _put(storage, token)

        assert await _use(storage, token) == token

    async def test_a_token_that_was_only_found_is_still_valid(self, storage: Storage) -> None:
        token = make_one_time_token()
        await _put(storage, token)
        key = (token.user_id, token.purpose, token.token_hash)

        async with storage.reading() as look:
            assert await look.one_time.find(*key, NOW) == token
            assert await look.one_time.find(*key[:2], b"hash-2", NOW) is None
            assert await look.one_time.find(*key, token.expires_at) is None

        assert await _use(storage, token) == token

    async def test_a_token_is_used_once(self, storage: Storage) -> None:
        token = make_one_time_token()
        await _put(storage, token)

        answers = [await _use(storage, token) for _ in range(2)]

        assert answers == [token, None]

    async def test_of_twenty_at_once_one_uses_a_token(self, storage: Storage) -> None:
        token = make_one_time_token()
        await _put(storage, token)

        answers = await asyncio.gather(*(_use(storage, token) for _ in range(20)))

        assert sorted(map(bool, answers)) == [False] * 19 + [True]

    async def test_a_token_serves_its_own_user_purpose_and_secret_alone(
        self, storage: Storage
    ) -> None:
        token = make_one_time_token()
        await _put(storage, token)

        assert await _use(storage, token, user_id=uuid7()) is None
        assert await _use(storage, token, purpose=Purpose.VERIFY_EMAIL) is None
        assert await _use(storage, token, token_hash=b"hash-2") is None
        assert await _use(storage, token) == token

    async def test_a_token_is_valid_until_it_expires(self, storage: Storage) -> None:
        first, second = make_one_time_token(), make_one_time_token()
        await _put(storage, first, second)

        assert await _use(storage, first, now=first.expires_at) is None
        assert await _use(storage, second, now=second.expires_at - TICK) == second

    async def test_a_newer_token_replaces_the_older_of_its_purpose(self, storage: Storage) -> None:
        older = make_one_time_token()
        newer = replace(older, token_hash=b"hash-2", data={}, address="ada@example.org")
        other = replace(older, purpose=Purpose.CHANGE_EMAIL)
        await _put(storage, older, other, newer)

        assert await _use(storage, older) is None
        assert await _use(storage, newer) == newer
        assert await _use(storage, other) == other

    async def test_two_new_tokens_at_once_leave_one(self, storage: Storage) -> None:
        tokens = [make_one_time_token(user_id=uuid7(), token_hash=b"hash-0")] * 2
        pair = [replace(each, token_hash=bytes([place])) for place, each in enumerate(tokens)]

        await asyncio.gather(*(_put(storage, each) for each in pair))

        answers = [await _use(storage, each) for each in pair]
        assert sorted(map(bool, answers)) == [False, True]

    async def test_a_token_that_was_not_committed_is_still_valid(self, storage: Storage) -> None:
        token = make_one_time_token()
        await _put(storage, token)

        async def use_and_fail() -> None:
            async with storage.begin() as tx:
                assert await tx.one_time.use(token.user_id, token.purpose, token.token_hash, NOW)
                raise EmailTaken

        with pytest.raises(EmailTaken):
            await use_and_fail()

        assert await _use(storage, token) == token

    async def test_removed_tokens_are_gone(self, storage: Storage) -> None:
        reset = make_one_time_token()
        change = replace(reset, purpose=Purpose.CHANGE_EMAIL)
        stranger = make_one_time_token()
        await _put(storage, reset, change, stranger)

        async with storage.begin() as tx:
            await tx.one_time.remove(reset.user_id, Purpose.RESET_PASSWORD)
        assert await _use(storage, reset) is None
        async with storage.begin() as tx:
            await tx.one_time.remove(reset.user_id)

        assert await _use(storage, change) is None
        assert await _use(storage, stranger) == stranger
