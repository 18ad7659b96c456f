"""What an `Auth` is given, in groups: the rules, how it follows the revocations, the edge."""

from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Self

from tokenpair.core.accounts.password_policy import PasswordPolicy
from tokenpair.core.accounts.roles import require_valid_roles
from tokenpair.core.accounts.sign_up_mode import SignUpMode
from tokenpair.core.origin import parse_origin
from tokenpair.core.sessions.revocation import MAX_STALENESS, POLL
from tokenpair.core.sessions.rule import Windows
from tokenpair.core.tokens.lifetimes import Lifetimes
from tokenpair.core.tokens.verified import CACHE_SIZE
from tokenpair.coroutines import require_async_method
from tokenpair.errors import ConfigurationError, InvalidInput
from tokenpair.ports import BreachCheck, LimitCounters, MailSender, WakeUp

LANGUAGE = "en"
"""Language of the library's own mail templates."""

MAX_SPAN = timedelta(days=3660)
"""Longest lifetime and longest window. Added to a time, a longer one may exceed the year 9999."""

BREACH_TIMEOUT = timedelta(seconds=3)
"""Longest time that a new password waits for the breach check."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BreachOptions:
    """How new passwords are looked up among those of data breaches; by default, they are not.

    When `check` fails, or takes longer than `timeout`, a warning is logged and the password is
    accepted; if the check is `required`, the caller gets `Unavailable`.
    """

    check: BreachCheck | None = None
    required: bool = False
    timeout: timedelta = BREACH_TIMEOUT

    def __post_init__(self) -> None:
        """Raises `ConfigurationError` for a check that is not `async`."""
        if self.check:
            require_async_method(self.check, "is_breached")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """The rules of accounts, tokens and sessions.

    `default_roles` are those of an account that signs up. `limits` is what counts attempts, to
    limit them: True stands for the storage's own counters, and False sets no limits.
    """

    policy: PasswordPolicy = field(default_factory=PasswordPolicy)
    breaches: BreachOptions = field(default_factory=BreachOptions)
    lifetimes: Lifetimes = field(default_factory=Lifetimes)
    windows: Windows = field(default_factory=Windows)
    sign_up: SignUpMode = SignUpMode.OPEN
    default_roles: frozenset[str] = frozenset()
    limits: LimitCounters | bool = True

    def with_breach_check(self, check: BreachCheck | None) -> Self:
        """Return these rules with the app's breach check.

        Raises `ConfigurationError` if the check is required, and there is none.
        """
        if self.breaches.required and not check:
            raise ConfigurationError(
                "TOKENPAIR_BREACH_CHECK_REQUIRED is true, but the app has no breach check: pass "
                "one to Auth.from_settings(breach_check=...)"
            )
        return replace(self, breaches=replace(self.breaches, check=check))

    def __post_init__(self) -> None:
        """Raises `ConfigurationError` for values that contradict each other or are not valid."""
        try:
            require_valid_roles(self.default_roles)
        except InvalidInput as exc:
            reason = exc.errors[0].reason
            raise ConfigurationError(f"the default roles {reason}") from None
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
    worker remembers; 0 remembers none. With `cookies`, pages of the same origin and of `origins`
    may keep the refresh token in a cookie.
    """

    trusted_proxy_hops: int = 0
    token_cache_size: int = CACHE_SIZE
    cookies: bool = False
    origins: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        """Raises `ConfigurationError` for an origin that no browser sends."""
        for each in self.origins:
            try:
                parsed = parse_origin(each)
            except ValueError as exc:
                raise ConfigurationError(f"Edge(origins=...) {exc}") from None
            if parsed != each:
                raise ConfigurationError(f"Edge(origins=...): write the origin as {parsed!r}")


@dataclass(frozen=True, slots=True, kw_only=True)
class MailOptions:
    """How mails are sent, from which address, in which form, and where their links lead.

    Without `is_on`, nothing is mailed, and the endpoints that need mail are not installed. Without
    a `sender`, mails are printed to the log in development. `from_address` is an address with a
    name or without, by default `no-reply` at the host of the links. `link_base_url` is where the
    front end is, by default the issuer, if that is a URL. `templates` is a folder with files of
    the app, and `language` the language of users without one.
    """

    is_on: bool = True
    sender: MailSender | None = None
    from_address: str | None = None
    link_base_url: str | None = None
    templates: Path | None = None
    language: str = LANGUAGE

    def __post_init__(self) -> None:
        """Raises `ConfigurationError` for a sender that is not `async`."""
        if self.sender:
            require_async_method(self.sender, "send")
