"""A cache of verified access tokens, because verifying a signature is the slowest check."""

from tokenpair.core.tokens.claims import AccessClaims

CACHE_SIZE = 10_000
"""Number of verified tokens that a worker remembers, by default."""


class VerifiedTokens:
    """A bounded map from the bytes that carried a token to its claims.

    An edge chooses the bytes, and adds only tokens that have passed every check. It must check the
    time and the revocations again at every use.

    There are two halves. An entry that is used moves to the new half; when that is full, the old
    half is dropped. So the entries that were used last stay, and a hit in the new half moves
    nothing.
    """

    def __init__(self, size: int) -> None:
        """`size` is the highest number of entries; 0 turns it off."""
        self._half = -(-size // 2)
        self._new: dict[bytes, AccessClaims] = {}
        self._old: dict[bytes, AccessClaims] = {}
        self.hits: int = 0
        self.misses: int = 0

    def __len__(self) -> int:
        return len(self._new) + len(self._old)

    def get(self, carrier: bytes) -> AccessClaims | None:
        """Return the claims of the token, or None if it is not remembered."""
        if claims := self._new.get(carrier):
            self.hits += 1
            return claims
        if claims := self._old.pop(carrier, None):
            self.hits += 1
            self.put(carrier, claims)
            return claims
        self.misses += 1
        return None

    def put(self, carrier: bytes, claims: AccessClaims) -> None:
        """Remember a token that has just been verified."""
        if not self._half:
            return
        if len(self._new) >= self._half:
            self._new, self._old = {}, self._new
        self._new[carrier] = claims

    def clear(self) -> None:
        """Forget all tokens, because a key has changed."""
        self._new, self._old = {}, {}
