"""The access token that is in use, and the moment of its renewal."""

from dataclasses import dataclass, field
from typing import Final

from tokenpair_client.pair import Pair

LAST_PART: Final = 0.2
"""Last share of an access token's lifetime, in which it is renewed at a random moment.

With a fixed moment, a thief who renews at the same moment would not be detected.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """An access token, and when to renew its pair, on the monotonic clock."""

    access_token: str = field(repr=False)
    renew_at: float
    expires_at: float

    @classmethod
    def since(cls, begin: float, pair: Pair, access_token: str, *, chance: float) -> "Held":
        """Return the token of a pair that is valid since `begin`; `chance` is from 0 to 1."""
        return cls(
            access_token=access_token,
            renew_at=begin + pair.expires_in * (1 - LAST_PART * chance),
            expires_at=begin + pair.expires_in,
        )
