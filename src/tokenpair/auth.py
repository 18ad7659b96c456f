"""`Auth`: everything that tokenpair can do, as one object."""

from dataclasses import replace
from typing import Self, get_type_hints

from tokenpair.alarm import Alarm
from tokenpair.backends import make_limits, make_mail_sender, make_storage, make_wake_up
from tokenpair.core.counts import Counters, Counts
from tokenpair.core.events import Event
from tokenpair.core.health import Health
from tokenpair.core.tokens.claims import AccessClaims, RefreshClaims
from tokenpair.core.tokens.keyring import Keyring
from tokenpair.core.tokens.verified import VerifiedTokens
from tokenpair.feed import Feed
from tokenpair.flows.sessions.verify import Authenticate
from tokenpair.hooks import AfterHooks, Hookable, WithinHooks
from tokenpair.keys import KeySource
from tokenpair.lifecycle import Lifecycle, OpenStorage
from tokenpair.listeners import Listeners
from tokenpair.loops import loops
from tokenpair.mail.mailer import resolved
from tokenpair.observe import Observer
from tokenpair.options import Edge, FeedOptions, MailOptions, Rules
from tokenpair.pace import utc_now
from tokenpair.parts import Parts
from tokenpair.passwords import Argon2Passwords
from tokenpair.ports import BreachCheck, Clock, MailSender, PasswordHasher, Storage
from tokenpair.settings import Settings
from tokenpair.verbs import Verbs


class Auth(Verbs, Hookable):
    """Everything that tokenpair can do, ready to use.

    `Auth.from_settings()` builds one from the environment; the constructor, from your own values.
    Each flow is an attribute that is called: `await auth.renew(token)`. Open it before use, with
    `async with auth:` or, in FastAPI, with `tokenpair.fastapi.install(app, auth)`. It belongs to
    the event loop that opened it; after it was closed, another loop may open it.
    """

    storage: Storage
    """The storage as it was given, which an app may share."""
    issuer: str
    """The `iss` of every token."""
    clock: Clock
    """Returns the current time, in UTC."""
    edge: Edge
    """What only the HTTP edge needs."""
    feed: Feed
    """This worker's copy of the revocations."""
    verified: VerifiedTokens
    """The access tokens that the edge has verified lately, by the header that carried them."""

    _authenticate: Authenticate

    def __init__(
        self,
        *,
        storage: Storage,
        keyring: Keyring | KeySource,
        issuer: str,
        audience: str | None = None,
        passwords: PasswordHasher | None = None,
        rules: Rules | None = None,
        clock: Clock = utc_now,
        feed_options: FeedOptions | None = None,
        mail_options: MailOptions | None = None,
        edge: Edge | None = None,
        migrate: bool = True,
        development: bool = False,
    ) -> None:
        """Build the flows; nothing is connected before `open`.

        A `Keyring` never changes; `from_settings` passes a `KeySource`, which follows the key file.
        `audience` is that of the access tokens, by default the issuer. With `migrate`, `open`
        brings the tables up to date. With `development`, the answer to a request that comes while
        it is not open says so, and mails without a sender are printed to the log. Otherwise nothing
        is mailed without `mail_options`.

        Raises `ConfigurationError` for keys that do not suit the audience.
        """
        self._migrate = migrate
        self._lifecycle = Lifecycle(development=development)
        self.storage = storage
        self.issuer = issuer
        self.clock = clock
        self.edge = edge or Edge()
        counters, listeners, mail_alarm = Counters(), Listeners[Event](), Alarm()
        listeners.add(counters.count)
        self._within, self._after = WithinHooks(), AfterHooks(listeners.add)
        parts = Parts(
            storage=OpenStorage(
                storage, self._lifecycle, listeners.tell, self._within, mail_alarm.ring
            ),
            keys=keyring if isinstance(keyring, KeySource) else KeySource.fixed(keyring),
            issuer=issuer,
            audience=audience or issuer,
            make_rules=(lambda: rules) if rules else Rules,
            feed_options=feed_options or FeedOptions(),
            mail_options=resolved(mail_options, development=development),
            mail_alarm=mail_alarm,
            make_passwords=(lambda: passwords) if passwords else Argon2Passwords,
            require_open=self._lifecycle.require_open,
            clock=clock,
            notify=listeners.tell,
        )
        self._parts = parts
        self.feed = parts.feed
        self._build_flows(parts)
        self.verified = VerifiedTokens(self.edge.token_cache_size)
        parts.keys.follow(lambda _: self.verified.clear())
        self._observer = Observer.of(parts, self._lifecycle, counters, self.verified)
        self._background = loops(parts, self.reload_keys, self.prune)

    def _build_flows(self, parts: Parts) -> None:
        for name, kind in get_type_hints(type(self)).items():
            if kind.__module__.startswith("tokenpair.flows."):
                setattr(self, name, parts.build(kind))

    @classmethod
    def from_settings(
        cls,
        settings: Settings | None = None,
        *,
        passwords: PasswordHasher | None = None,
        breach_check: BreachCheck | None = None,
        mail_sender: MailSender | None = None,
    ) -> Self:
        """Build one from settings, by default those of the environment.

        `passwords` replaces argon2id, `breach_check` is asked about each new password, and
        `mail_sender` replaces SMTP: it may hand mails to a queue of the app. In development the
        data folder, its key file and its SQLite database are made on the first start. Raises
        `ConfigurationError`.
        """
        settings = settings or Settings.read()
        parts = Parts.from_settings(settings, make_storage(settings), passwords=passwords)
        return cls(
            storage=parts.storage,
            keyring=parts.keys,
            issuer=parts.issuer,
            audience=parts.audience,
            passwords=parts.passwords,
            rules=replace(
                parts.rules.with_breach_check(breach_check), limits=make_limits(settings)
            ),
            feed_options=replace(parts.feed_options, wake_up=make_wake_up(settings)),
            mail_options=replace(
                parts.mail_options, sender=mail_sender or make_mail_sender(settings)
            ),
            edge=settings.edge,
            migrate=not settings.is_production,
            development=not settings.is_production,
        )

    @property
    def sends_mail(self) -> bool:
        """Does it send mails? Otherwise, the endpoints that need mail are not installed."""
        return self._parts.mail_options.is_on

    def require_mail(self) -> None:
        """Require that mails can be sent if any are. Raises `ConfigurationError`, as `open`."""
        self._parts.mailer.require_ready()

    @property
    def keyring(self) -> Keyring:
        """The keys in use."""
        return self._parts.keys.keyring

    async def reload_keys(self) -> None:
        """Use the keys of a changed key file; an open `Auth` does so by itself.

        Raises `ConfigurationError` while the file is not valid; the keys stay as they were.
        """
        await self._parts.keys.reload()

    async def verify(self, token: str) -> AccessClaims | RefreshClaims:
        """Verify a token of either kind. Raises what the other two raise."""
        return await self._authenticate(token)

    async def verify_access(self, token: str, *, check_session: bool = False) -> AccessClaims:
        """Verify an access token against the time and the revocations.

        There is no I/O, unless this worker's copy of the revocations is old: then it is read
        again, for a second at most. With `check_session`, the session's row is read, too, for
        callers that must not wait until a log-out at another worker is known here. Raises
        `InvalidToken`, `ExpiredToken`, `AccessTokenRequired`, `SessionEnded`, `StaleToken` and
        `Unavailable`.
        """
        claims = await self._authenticate.current_access(token)
        if check_session:
            await self.require_session(claims)
        return claims

    async def require_session(self, claims: AccessClaims) -> None:
        """Require that the session of a verified access token is live, by its row.

        Raises `SessionEnded`, `StaleToken` and `Unavailable`.
        """
        await self._authenticate.require_session(claims)

    async def verify_refresh(self, token: str) -> RefreshClaims:
        """Verify a refresh token against the time and its session's row, without renewing.

        It is accepted where a renewal would be, and in strict mode also if it has been renewed
        last. A replay ends the session. Raises `InvalidToken`, `ExpiredToken`,
        `RefreshTokenRequired`, `SessionEnded`, `TokenSuperseded` and `Unavailable`.
        """
        return await self._authenticate.refresh(token)

    async def open(self) -> None:
        """Connect, and migrate where that is allowed. Opening twice is fine.

        Raises `ConfigurationError`, also if mails are needed and nothing sends them.
        """
        self.require_mail()
        await self.storage.open(migrate=self._migrate, access=self._parts.lifetimes.access)
        await self.feed.start()
        self._parts.heartbeat.start()
        self._parts.mailer.start()
        self._background.start()
        self._lifecycle.open()

    async def close(self) -> None:
        """Stop all background work and close every connection, after the hooks that run.

        Mails that are being sent have five seconds to arrive.
        """
        await self._parts.mailer.stop()
        await self._after.finish()
        self._lifecycle.close()
        self._parts.heartbeat.stop()
        try:
            await self._background.stop()
            await self.feed.stop()
            await self._parts.limit_counters.close()
        finally:
            await self.storage.close()

    @property
    def counts(self) -> Counts:
        """What has happened in this process, and its state now, in numbers for metrics."""
        return self._observer.counts()

    async def health(self) -> Health:
        """Return the condition of each part that a request needs, within three seconds."""
        return await self._observer.health()

    async def require_ready(self) -> None:
        """Require that a request could be answered now. Raises `Unavailable`."""
        await self._observer.require_ready()

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()
