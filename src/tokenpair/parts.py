"""The parts that flows are made of, and how a flow gets its own."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field, fields, is_dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Self, TypeVar, get_type_hints
from uuid import UUID

from tokenpair.alarm import Alarm
from tokenpair.core.accounts.password_policy import PasswordPolicy
from tokenpair.core.accounts.sign_up_mode import SignUpMode
from tokenpair.core.events import Notify
from tokenpair.core.sessions.rule import Windows
from tokenpair.core.tokens.codec import Codec
from tokenpair.core.tokens.lifetimes import Lifetimes
from tokenpair.feed import Feed
from tokenpair.flows.sessions.judge import Doubt
from tokenpair.ids import uuid7
from tokenpair.keys import KeySource
from tokenpair.limits.off import NoLimits
from tokenpair.mail.mailer import Mailer
from tokenpair.options import BreachOptions, FeedOptions, MailOptions, Rules
from tokenpair.pace import Heartbeat, utc_now
from tokenpair.passwords import Argon2Passwords
from tokenpair.ports import Clock, LimitCounters, PasswordHasher, Storage, Watch
from tokenpair.settings import Settings

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Flow = TypeVar("Flow", bound="DataclassInstance")


@dataclass(frozen=True, kw_only=True)
class Parts:
    """Everything that a flow may ask for: a field of a flow gets the part of the same name.

    To let flows use something new, add it here, as a field or as a property. A name has one type
    in all flows. What is costly to make, or needs other parts, is made on first use.
    """

    storage: Storage
    keys: KeySource
    issuer: str
    audience: str
    make_rules: Callable[[], Rules] = Rules
    feed_options: FeedOptions = field(default_factory=FeedOptions)
    mail_options: MailOptions = field(default_factory=MailOptions)
    mail_alarm: Alarm = field(default_factory=Alarm)
    make_passwords: Callable[[], PasswordHasher] = Argon2Passwords
    require_open: Callable[[], None] = lambda: None
    clock: Clock = utc_now
    random: Callable[[int], bytes] = secrets.token_bytes
    new_id: Callable[[], UUID] = uuid7
    notify: Notify = lambda _: None

    @classmethod
    def from_settings(
        cls, settings: Settings, storage: Storage, *, passwords: PasswordHasher | None = None
    ) -> Self:
        """Return the parts that the settings name, without wake-ups and the sender of mails.

        `passwords` replaces argon2id. No key is read yet.

        The rules are made on first use, which raises `ConfigurationError` if they contradict each
        other: a command that needs none of them works nevertheless.
        """
        issuer = settings.issuer or settings.base_url
        return cls(
            storage=storage,
            keys=KeySource.from_settings(settings),
            issuer=issuer,
            audience=settings.audience or issuer,
            make_rules=lambda: settings.rules,
            feed_options=settings.feed_options,
            mail_options=settings.mail_options,
            make_passwords=lambda: passwords or _passwords(settings),
        )

    @cached_property
    def rules(self) -> Rules:
        """The rules of passwords, tokens and sessions."""
        return self.make_rules()

    @property
    def policy(self) -> PasswordPolicy:
        """What a new password must be."""
        return self.rules.policy

    @property
    def breaches(self) -> BreachOptions:
        """How new passwords are looked up among those of data breaches."""
        return self.rules.breaches

    @property
    def sign_up_mode(self) -> SignUpMode:
        """How a new user gets an account."""
        return self.rules.sign_up

    @property
    def default_roles(self) -> frozenset[str]:
        """The roles of an account that signs up."""
        return self.rules.default_roles

    @property
    def lifetimes(self) -> Lifetimes:
        """How long tokens and sessions live."""
        return self.rules.lifetimes

    @property
    def windows(self) -> Windows:
        """Which early renewals are forgiven."""
        return self.rules.windows

    @cached_property
    def passwords(self) -> PasswordHasher:
        """Hashes passwords. Made late: it makes a hash at once, which takes time and memory."""
        return self.make_passwords()

    @cached_property
    def codec(self) -> Codec:
        """Reads and writes tokens, with the keys of `keys`. Raises `ConfigurationError`."""
        codec = Codec(
            self.keys.keyring,
            issuer=self.issuer,
            audience=self.audience,
            look_again=self.keys.look_again,
        )
        self.keys.follow(codec.use)
        return codec

    @cached_property
    def feed(self) -> Feed:
        """This worker's copy of the revocations."""
        return Feed(
            self.storage,
            poll=self.feed_options.poll,
            max_staleness=self.feed_options.max_staleness,
            access=self.lifetimes.access,
            wake_up=self.feed_options.wake_up,
            require_open=self.require_open,
        )

    @cached_property
    def limit_counters(self) -> LimitCounters:
        """The counters of rate limits that the rules name."""
        limits = self.rules.limits
        if isinstance(limits, bool):
            return self.storage.limits if limits else NoLimits()
        return limits

    @property
    def watch(self) -> Watch:
        """The feed, as flows see it."""
        return self.feed

    @cached_property
    def mailer(self) -> Mailer:
        """What delivers the mails of the outbox."""
        return Mailer(
            options=self.mail_options,
            alarm=self.mail_alarm,
            issuer=self.issuer,
            storage=self.storage,
            clock=self.clock,
            random=self.random,
        )

    @cached_property
    def heartbeat(self) -> Heartbeat:
        """Whether this worker stood still."""
        return Heartbeat(self.windows.superseded)

    @cached_property
    def doubt(self) -> Doubt:
        """Why this worker must not call a token a replay now."""

        def reason() -> str | None:
            if self.heartbeat.stood_still():
                return "this worker stood still a moment ago"
            return None if self.feed.is_current() else "the revocations have not been read lately"

        return reason

    def build(self, flow: type[Flow]) -> Flow:
        """Make a flow from these parts.

        A field with another name is built from these parts in the same way, such as the `Mint` and
        the `Judge` of `Renew`. Raises `TypeError` for a field that is neither a part nor built.
        """
        types = get_type_hints(flow)
        found = {each.name: self._part(flow, each.name, types[each.name]) for each in fields(flow)}
        make: Callable[..., Flow] = flow
        return make(**found)

    def _part(self, flow: type, name: str, kind: type) -> object:
        if name in PART_TYPES:
            return getattr(self, name)
        if is_dataclass(kind):
            return self.build(kind)
        raise TypeError(f"{flow.__name__}.{name}: no part has this name; add it to Parts")


def _part_types() -> dict[str, object]:
    found: dict[str, object] = get_type_hints(Parts)
    for name, each in vars(Parts).items():
        if isinstance(each, property):
            found[name] = get_type_hints(each.fget)["return"]
        if isinstance(each, cached_property):
            found[name] = get_type_hints(each.func)["return"]
    return found


PART_TYPES = _part_types()
"""Type of each part, by its name."""


def _passwords(settings: Settings) -> PasswordHasher:
    return Argon2Passwords(
        settings.argon2_cost,
        threads=settings.password_threads,
        max_waiting=settings.password_waiting,
    )
