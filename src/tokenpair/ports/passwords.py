"""Port of the hashing of passwords."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeVar, runtime_checkable

T = TypeVar("T")


class BreachCheck(Protocol):
    """Looks a new password up among those that are known from data breaches."""

    async def is_breached(self, password: str) -> bool:
        """Return whether the password is known.

        It is in NFC, and valid otherwise. Raise any error if there is no result; its text is not
        logged. After the time limit of `BreachOptions`, the call is cancelled. Send no password,
        and no whole hash of one, to another service.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """Result of `PasswordHasher.verify`.

    `new_hash` is set when the password is right and its hash was made with other parameters
    than today's: the caller stores it instead of the old one.
    """

    is_right: bool
    new_hash: str | None = None


class PasswordHasher(Protocol):
    """Hashes passwords outside the event loop, a limited number at a time.

    Every method raises `Unavailable` when too many callers wait already.
    """

    @property
    def running(self) -> int:
        """Number of passwords that are being hashed or compared now."""
        ...

    @property
    def waiting(self) -> int:
        """Number of callers that wait."""
        ...

    async def hash(self, password: str) -> str:
        """Hash a new password."""
        ...

    async def verify(self, password: str, password_hash: str | None) -> Verified:
        """Compare a password with a hash.

        `password_hash` is None for an unknown account and for one without a password. None, and a
        hash of an unknown format, match no password and take as long as a comparison.
        """
        ...

    async def in_turn(self, work: Callable[[], T]) -> T:
        """Do other slow work on a new password outside the event loop, such as an estimate.

        Limited in number too, and apart from hashing: sign-ups cannot delay log-ins, however many
        there are. Raises what `work` raises.
        """
        ...


@runtime_checkable
class KnowsFormats(Protocol):
    """A `PasswordHasher` that knows which stored hashes it can compare with.

    `import_account` asks it. A hasher without this method is taken to know every format.
    """

    def format_problem(self, password_hash: str) -> str | None:
        """Return why no password ever matches the hash, or None.

        The text follows the name of a field, says what to do, and contains nothing of the hash.
        """
        ...
