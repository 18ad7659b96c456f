"""Hashing of passwords, as a port."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """The answer of `PasswordHasher.verify`.

    `new_hash` is set when the password is right and its hash was made with other parameters
    than today's: keep it instead.
    """

    is_right: bool
    new_hash: str | None = None


class PasswordHasher(Protocol):
    """Turns passwords into hashes, off the event loop and bounded in number.

    All methods raise `Unavailable` when too many callers are waiting already.
    """

    @property
    def running(self) -> int:
        """How many passwords are being worked on; for whoever watches."""
        ...

    @property
    def waiting(self) -> int:
        """How many wait for it."""
        ...

    async def hash(self, password: str) -> str:
        """Hash a new password."""
        ...

    async def verify(self, password: str, password_hash: str | None) -> Verified:
        """Compare a password with a hash.

        None (no such account, or one without a password) and a hash in a form not ours are
        never right, and take the same work as a comparison.
        """
        ...

    async def in_turn(self, work: Callable[[], T]) -> T:
        """Do other costly work on a new password, off the event loop, such as an estimate.

        It is bounded in number too, and never takes a place that hashing needs: no number of
        sign-ups keeps others from logging in. Raises what the work raises.
        """
        ...
