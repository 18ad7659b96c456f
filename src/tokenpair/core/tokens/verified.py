"""Remember verified tokens: the same one comes back for ten minutes, and verifying takes long."""

from tokenpair.core.tokens.claims import AccessClaims

CACHE_SIZE = 10_000
"""Number of verified tokens that a worker remembers, by default."""


class VerifiedTokens:
    """A bounded map from the exact text to its claims; what was not used lately goes.

    The text is a token, or the bytes of a header that it came in. Only what has passed every check
    goes in. Time and revocation are for the caller to check again, at every use.

    There are two halves: what is used goes into the new one, and when that is full the old one
    is dropped. So the half that was used last is always there, and nothing is moved on a hit.
    """

    def __init__(self, size: int) -> None:
        """`size` is the most that is remembered; 0 is nothing."""
        self._half = -(-size // 2)
        self._new: dict[str | bytes, AccessClaims] = {}
        self._old: dict[str | bytes, AccessClaims] = {}
        self.hits: int = 0
        self.misses: int = 0

    def __len__(self) -> int:
        return len(self._new) + len(self._old)

    def get(self, text: str | bytes) -> AccessClaims | None:
        """Return the claims of a text, or None."""
        if claims := self._new.get(text):
            self.hits += 1
            return claims
        if claims := self._old.pop(text, None):
            self.hits += 1
            self.put(text, claims)
            return claims
        self.misses += 1
        return None

    def put(self, text: str | bytes, claims: AccessClaims) -> None:
        """Remember what has just been verified."""
        if not self._half:
            return
        if len(self._new) >= self._half:
            self._new, self._old = {}, self._new
        self._new[text] = claims

    def clear(self) -> None:
        """Forget all: a key has changed."""
        self._new, self._old = {}, {}
