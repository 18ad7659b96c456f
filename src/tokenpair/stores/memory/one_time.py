"""The one-time tokens in memory."""

from datetime import datetime
from hmac import compare_digest
from uuid import UUID

from tokenpair.core.one_time import Purpose, StoredOneTimeToken
from tokenpair.stores.memory.tables import Tables


class MemoryOneTimeTokens:
    """`ports.OneTimeTokens` over a dictionary."""

    def __init__(self, tables: Tables) -> None:
        self._tokens = tables.one_time

    async def put(self, token: StoredOneTimeToken) -> None:
        self._tokens[token.user_id, token.purpose] = token

    async def find(
        self, user_id: UUID, purpose: Purpose, token_hash: bytes, now: datetime
    ) -> StoredOneTimeToken | None:
        found = self._tokens.get((user_id, purpose))
        is_valid = found and compare_digest(found.token_hash, token_hash) and found.expires_at > now
        return found if is_valid else None

    async def use(
        self, user_id: UUID, purpose: Purpose, token_hash: bytes, now: datetime
    ) -> StoredOneTimeToken | None:
        found = await self.find(user_id, purpose, token_hash, now)
        if found:
            del self._tokens[user_id, purpose]
        return found

    async def remove(self, user_id: UUID, purpose: Purpose | None = None) -> None:
        for key in list(self._tokens):
            if key[0] == user_id and purpose in {None, key[1]}:
                del self._tokens[key]
