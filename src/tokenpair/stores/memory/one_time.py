"""The one-time tokens in memory."""

from datetime import datetime
from uuid import UUID

from tokenpair.core.one_time import Purpose, StoredOneTimeToken
from tokenpair.stores.memory.tables import Tables


class MemoryOneTimeTokens:
    """`ports.OneTimeTokens` over a dictionary."""

    def __init__(self, tables: Tables) -> None:
        self._tokens = tables.one_time

    async def put(self, token: StoredOneTimeToken) -> None:
        self._tokens[token.user_id, token.purpose] = token

    async def use(
        self, user_id: UUID, purpose: Purpose, token_hash: bytes, now: datetime
    ) -> StoredOneTimeToken | None:
        found = self._tokens.get((user_id, purpose))
        if not found or found.token_hash != token_hash or found.expires_at <= now:
            return None
        return self._tokens.pop((user_id, purpose))

    async def remove(self, user_id: UUID, purpose: Purpose | None = None) -> None:
        for key in list(self._tokens):
            if key[0] == user_id and purpose in {None, key[1]}:
                del self._tokens[key]
