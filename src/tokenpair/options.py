"""What an `Auth` is given, in groups: the rules, how it follows the revocations, the edge."""

from dataclasses import dataclass, field
from datetime import timedelta

from tokenpair.core.accounts.password_policy import PasswordPolicy
from tokenpair.core.sessions.revocation import MAX_STALENESS, POLL
from tokenpair.core.sessions.rule import Windows
from tokenpair.core.tokens.lifetimes import Lifetimes
from tokenpair.core.tokens.verified import CACHE_SIZE
from tokenpair.errors import ConfigurationError
from tokenpair.ports import WakeUp

MAX_SPAN = timedelta(days=3660)
"""Longest lifetime and longest window. Added to a time, a longer one may exceed the year 9999."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """The rules of accounts, tokens and sessions."""

    policy: PasswordPolicy = field(default_factory=PasswordPolicy)
    lifetimes: Lifetimes = field(default_factory=Lifetimes)
    windows: Windows = field(default_factory=Windows)

    def __post_init__(self) -> None:
        """Raises `ConfigurationError` for lifetimes and windows that contradict each other."""
        lifetimes, windows = self.lifetimes, self.windows
        spans = (
            lifetimes.access,
            lifetimes.idle,
            lifetimes.session,
            windows.repeat,
            windows.superseded,
        )
        if not all(timedelta(0) <= each <= MAX_SPAN for each in spans):
            raise ConfigurationError(
                f"every lifetime and window must be between 0 and {MAX_SPAN.days} days long"
            )
        if windows.repeat > windows.superseded:
            raise ConfigurationError(
                "the repeat window (TOKENPAIR_REPEAT_WINDOW_SECONDS) must not be longer than the "
                "superseded window (TOKENPAIR_SUPERSEDED_WINDOW_SECONDS)"
            )
        # Within the superseded window a renewal may return the presented refresh token again. It
        # must outlive the window and the access token that comes with it, or the client would be
        # left with an expired one.
        if lifetimes.idle <= windows.superseded + lifetimes.access:
            raise ConfigurationError(
                "the idle lifetime (TOKENPAIR_REFRESH_IDLE_SECONDS) must be longer than the access "
                "lifetime (TOKENPAIR_ACCESS_SECONDS) and the superseded window "
                "(TOKENPAIR_SUPERSEDED_WINDOW_SECONDS) together"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedOptions:
    """How a worker learns what other workers have revoked.

    It reads the feed every `poll`, and at once when `wake_up` reports a change. When it could not
    read the feed for `max_staleness`, it accepts no access token.
    """

    poll: timedelta = POLL
    max_staleness: timedelta = MAX_STALENESS
    wake_up: WakeUp | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """What only the HTTP edge needs.

    `trusted_proxy_hops` is the number of proxies in front of the app; each appends an address to
    X-Forwarded-For. `token_cache_size` is the highest number of verified access tokens that a
    worker remembers; 0 remembers none.
    """

    trusted_proxy_hops: int = 0
    token_cache_size: int = CACHE_SIZE
