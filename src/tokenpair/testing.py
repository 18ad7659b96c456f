"""For tests: a clock that stands still, cheap passwords, a user, and a session."""

from datetime import UTC, datetime, timedelta

from tokenpair.auth import Auth
from tokenpair.core.key import Key
from tokenpair.core.keyring import Keyring
from tokenpair.core.pair import TokenPair
from tokenpair.core.session import Windows
from tokenpair.core.user import User
from tokenpair.passwords import Argon2Cost, Argon2Passwords
from tokenpair.ports import PasswordHasher, Storage
from tokenpair.stores.memory import MemoryStorage

PASSWORD = "correct horse battery staple"  # noqa: S105  Of users that live for one test.
"""The password of everybody."""

CHEAP = Argon2Cost(memory_kib=8, time=1, parallelism=1)
"""A hash that costs next to nothing, and is worth as much."""


class FakeClock:
    """A clock that moves when it is told to."""

    def __init__(self, now: datetime = datetime(2026, 1, 1, tzinfo=UTC)) -> None:
        self.now = now

    def __call__(self) -> datetime:
        """Give the moment it stands at."""
        return self.now

    def advance(self, by: timedelta | None = None, **span: float) -> None:
        """Move on: `clock.advance(minutes=10)`."""
        self.now += by or timedelta(**span)


def make_auth(
    *,
    storage: Storage | None = None,
    clock: FakeClock | None = None,
    keyring: Keyring | None = None,
    passwords: PasswordHasher | None = None,
    windows: Windows | None = None,
    audience: str = "https://api.test",
) -> Auth:
    """Compose an `Auth` for a test: in memory, cheap, with its own time."""
    return Auth(
        storage=storage or MemoryStorage(),
        keyring=keyring or Keyring([Key.generate()]),
        issuer="https://auth.test",
        audience=audience,
        passwords=passwords or Argon2Passwords(CHEAP),
        windows=windows,
        clock=clock or FakeClock(),
        development=True,
    )


async def a_user(auth: Auth, email: str = "ada@example.com", *, roles: str = "") -> User:
    """Sign somebody up, with `PASSWORD` and the roles that are named, parted by spaces."""
    user = await auth.sign_up(email=email, password=PASSWORD)
    if roles:
        await auth.set_roles(user.id, frozenset(roles.split()))
    return await auth.get_user(user.id)


async def login_as(auth: Auth, user: User) -> TokenPair:
    """Open a session for somebody that `a_user` has signed up."""
    return await auth.log_in(email=user.email.typed, password=PASSWORD)
