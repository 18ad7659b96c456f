"""Port of the one-time tokens, inside a unit of work."""

from datetime import datetime
from typing import Protocol
from uuid import UUID

from tokenpair.core.one_time import Purpose, StoredOneTimeToken


class OneTimeTokens(Protocol):
    """The tokens that mails carry. A user has at most one of each purpose."""

    async def put(self, token: StoredOneTimeToken) -> None:
        """Store a token. It replaces the user's older one of the same purpose."""
        ...

    async def find(
        self, user_id: UUID, purpose: Purpose, token_hash: bytes, now: datetime
    ) -> StoredOneTimeToken | None:
        """Return a token that has not expired, and leave it; None if there is no such token."""
        ...

    async def use(
        self, user_id: UUID, purpose: Purpose, token_hash: bytes, now: datetime
    ) -> StoredOneTimeToken | None:
        """Remove a token that has not expired, and return it; None if there is no such token.

        It is one conditional write: of several concurrent calls, one gets the token.
        """
        ...

    async def remove(self, user_id: UUID, purpose: Purpose | None = None) -> None:
        """Remove the user's token of a purpose, or of all."""
        ...
