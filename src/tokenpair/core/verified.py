"""Remember verified tokens: the same one comes back for ten minutes, and verifying takes long."""

from collections import OrderedDict

from tokenpair.core.claims import AccessClaims


class VerifiedTokens:
    """A bounded map from the exact token to its claims; what was used least recently goes first.

    Only tokens go in that have passed every check of form, header and signature. Time and
    revocation are for the caller to check, at every use.
    """

    def __init__(self, size: int) -> None:
        """`size` 0 remembers nothing."""
        self._size = size
        self._claims: OrderedDict[str, AccessClaims] = OrderedDict()
        self.hits = 0
        self.misses = 0

    def __len__(self) -> int:
        return len(self._claims)

    def get(self, token: str) -> AccessClaims | None:
        """Give a token's claims, or None."""
        if claims := self._claims.get(token):
            self._claims.move_to_end(token)
            self.hits += 1
            return claims
        self.misses += 1
        return None

    def put(self, token: str, claims: AccessClaims) -> None:
        """Remember a token that has just been verified."""
        if self._size:
            self._claims[token] = claims
            if len(self._claims) > self._size:
                self._claims.popitem(last=False)

    def clear(self) -> None:
        """Forget all: a key has changed."""
        self._claims.clear()
