"""Helpers for tests: a clock that stands still, cheap password hashes, users and sessions."""

from datetime import UTC, datetime, timedelta
from typing import Protocol, runtime_checkable
from uuid import UUID, uuid4

from tokenpair.auth import Auth
from tokenpair.core.accounts.password_policy import PasswordPolicy
from tokenpair.core.accounts.sign_up_mode import SignUpMode
from tokenpair.core.accounts.user import User
from tokenpair.core.sessions.mint import TokenPair
from tokenpair.core.sessions.rule import EndReason, Windows
from tokenpair.core.tokens.claims import AccessClaims
from tokenpair.core.tokens.key import Key
from tokenpair.core.tokens.keyring import Keyring
from tokenpair.core.tokens.lifetimes import ACCESS, Lifetimes
from tokenpair.keys import KeySource
from tokenpair.options import BreachOptions, Edge, MailOptions, Rules
from tokenpair.passwords import Argon2Cost, Argon2Passwords
from tokenpair.ports import LimitCounters, PasswordHasher, Storage
from tokenpair.stores.memory import MemoryStorage
from tokenpair.testing.mails import Inbox, read_mail_token, read_mails

__all__ = [
    "CHEAP",
    "PASSWORD",
    "FakeClock",
    "Inbox",
    "a_user",
    "empty_storage",
    "login_as",
    "make_auth",
    "make_claims",
    "read_mail_token",
    "read_mails",
]

PASSWORD = "correct horse battery staple"  # noqa: S105  Of users that live for one test.
"""The password of every user that `a_user` signs up."""

CHEAP = Argon2Cost(memory_kib=8, time=1, parallelism=1)
"""Parameters of a fast and insecure hash, for tests only."""


class FakeClock:
    """A clock that moves only when a test advances it."""

    def __init__(self, now: datetime = datetime(2026, 1, 1, tzinfo=UTC)) -> None:
        self.now: datetime = now

    def __call__(self) -> datetime:
        """Return the time it shows."""
        return self.now

    def advance(self, by: timedelta | None = None, **span: float) -> None:
        """Move the clock: `clock.advance(minutes=10)`."""
        self.now += by or timedelta(**span)


def make_auth(
    *,
    storage: Storage | None = None,
    clock: FakeClock | None = None,
    keyring: Keyring | KeySource | None = None,
    passwords: PasswordHasher | None = None,
    windows: Windows | None = None,
    policy: PasswordPolicy | None = None,
    breaches: BreachOptions | None = None,
    lifetimes: Lifetimes | None = None,
    sign_up: SignUpMode = SignUpMode.OPEN,
    default_roles: str = "",
    edge: Edge | None = None,
    mail_options: MailOptions | None = None,
    limits: LimitCounters | bool = False,
    audience: str = "https://api.test",
) -> Auth:
    """Build an `Auth` for a test: in memory, with cheap hashes and a `FakeClock`, without limits.

    `policy` decides which passwords a sign-up accepts; its default is that of an app. Mails go to
    an `Inbox`: see `read_mails`. `default_roles` are separated by spaces.
    """
    return Auth(
        storage=storage or MemoryStorage(),
        keyring=keyring or Keyring([Key.generate()]),
        issuer="https://auth.test",
        audience=audience,
        passwords=passwords or Argon2Passwords(CHEAP),
        rules=Rules(
            policy=policy or PasswordPolicy(),
            breaches=breaches or BreachOptions(),
            lifetimes=lifetimes or Lifetimes(),
            windows=windows or Windows(),
            sign_up=sign_up,
            default_roles=frozenset(default_roles.split()),
            limits=limits,
        ),
        edge=edge,
        mail_options=mail_options or MailOptions(sender=Inbox()),
        clock=clock or FakeClock(),
        development=True,
    )


async def a_user(auth: Auth, email: str = "ada@example.com", *, roles: str = "") -> User:
    """Sign up a user with `PASSWORD` and these roles, which are separated by spaces."""
    user = await auth.sign_up(email=email, password=PASSWORD)
    if roles:
        await auth.set_roles(user.id, frozenset(roles.split()))
    return await auth.get_user(user.id)


async def login_as(auth: Auth, user: User) -> TokenPair:
    """Log in a user that `a_user` has signed up."""
    return await auth.log_in(email=user.email.typed, password=PASSWORD)


def make_claims(
    subject: UUID | None = None, *, roles: str = "", email_verified: bool = False
) -> AccessClaims:
    """Return the claims of an access token that was never issued, to override a dependency.

    `subject` is the user's id, by default a new one; `roles` are separated by spaces.
    """
    now = datetime.now(UTC)
    return AccessClaims(
        subject=subject or uuid4(),
        session_id=uuid4(),
        token_id="A" * 22,
        issued_at=now,
        expires_at=now + ACCESS,
        roles=frozenset(roles.split()),
        version=0,
        authenticated_at=now,
        email_verified=email_verified,
    )


# Larger than any number of users in a test.
_ALL = 1_000_000


@runtime_checkable
class _Clearable(Protocol):
    async def clear(self) -> None: ...


async def empty_storage(auth: Auth) -> None:
    """Remove all accounts and sessions, so that the next test finds none.

    Their access tokens are revoked. Call it in the event loop in which `auth` is open. It
    supports tokenpair's own storages; for another it raises `TypeError`.
    """
    async with auth.storage.begin() as tx:
        if not isinstance(tx, _Clearable):
            raise TypeError(
                f"empty_storage does not support {type(auth.storage).__name__}: empty it yourself"
            )
        for user in await tx.users.list(limit=_ALL):
            await tx.sessions.end_all(user.id, EndReason.LOGOUT_ALL, auth.clock())
        await tx.clear()
