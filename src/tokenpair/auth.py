"""The composition root: ports go in, flows come out."""

import asyncio
import logging
import secrets
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit
from uuid import UUID

from tokenpair.assembly import key_file_watch, load_keyring, make_storage, make_wake_up
from tokenpair.background import Background, Chore
from tokenpair.core.accounts.password_policy import PasswordPolicy
from tokenpair.core.counts import Counters, Counts
from tokenpair.core.events import Event
from tokenpair.core.health import Health
from tokenpair.core.sessions.revocation import MAX_STALENESS, POLL
from tokenpair.core.sessions.rule import Windows
from tokenpair.core.tokens.claims import AccessClaims, RefreshClaims
from tokenpair.core.tokens.codec import Codec
from tokenpair.core.tokens.key_looks import KeyLooks
from tokenpair.core.tokens.keyring import Keyring
from tokenpair.core.tokens.lifetimes import Lifetimes
from tokenpair.core.tokens.verified import CACHE_SIZE, VerifiedTokens
from tokenpair.errors import ConfigurationError
from tokenpair.feed import Feed
from tokenpair.flows.accounts.administer import Disable, Enable, SetRoles
from tokenpair.flows.accounts.profile import GetUser, UpdateProfile
from tokenpair.flows.accounts.sign_up import SignUp
from tokenpair.flows.sessions.list_and_end import EndSession, ListSessions
from tokenpair.flows.sessions.log_in import LogIn
from tokenpair.flows.sessions.log_out import LogOut, LogOutEverywhere
from tokenpair.flows.sessions.prune import Prune
from tokenpair.flows.sessions.renew import Renew
from tokenpair.flows.sessions.verify import Authenticate
from tokenpair.ids import uuid7
from tokenpair.key_file import KeyFileWatch
from tokenpair.lifecycle import Lifecycle, OpenStorage
from tokenpair.listeners import Listeners
from tokenpair.observe import Observer
from tokenpair.pace import BEAT_SECONDS, Heartbeat
from tokenpair.parts import Parts
from tokenpair.passwords import Argon2Passwords
from tokenpair.ports import Clock, PasswordHasher, Storage, WakeUp
from tokenpair.settings import PREFIX, Settings
from tokenpair.settings.fields import TEN_YEARS

_log = logging.getLogger(__name__)

PRUNE_SECONDS = 60
"""So often a worker looks whether there is something to prune."""

KEY_POLL_SECONDS = 2
"""So often a worker looks whether its key file has changed."""


def utc_now() -> datetime:
    """Give the present moment."""
    return datetime.now(UTC)


class Auth:
    """Everything that tokenpair can do, ready to use.

    `Auth.from_settings()` builds one from the environment; the constructor, from parts of your
    own. Each flow is an attribute that is called: `await auth.renew(token)`. Open it before
    use, with `async with auth:` or, in FastAPI, with `tokenpair.fastapi.install(app, auth)`.
    """

    def __init__(
        self,
        *,
        storage: Storage,
        keyring: Keyring,
        issuer: str,
        audience: str | None = None,
        passwords: PasswordHasher | None = None,
        policy: PasswordPolicy | None = None,
        lifetimes: Lifetimes | None = None,
        windows: Windows | None = None,
        clock: Clock = utc_now,
        random: Callable[[int], bytes] = secrets.token_bytes,
        new_id: Callable[[], UUID] = uuid7,
        migrate: bool = True,
        trusted_proxy_hops: int = 0,
        key_file: KeyFileWatch | None = None,
        wake_up: WakeUp | None = None,
        poll: timedelta = POLL,
        max_staleness: timedelta = MAX_STALENESS,
        token_cache_size: int = CACHE_SIZE,
        development: bool = False,
    ) -> None:
        """Put the flows together; nothing is connected before `open`.

        `audience` is the access tokens' (the issuer itself, if None); `migrate` lets `open`
        bring the tables up to date; `trusted_proxy_hops` is the number of proxies in front,
        each of which appends to X-Forwarded-For; `key_file` tells when there are new keys.

        What has been revoked elsewhere is looked for every `poll`, or when `wake_up` says so;
        when it could not be read for `max_staleness`, no access token is let through. So many
        verified tokens are remembered as `token_cache_size` says; 0 turns it off. With
        `development`, a request that comes while it is not open is told so in its answer.

        Raises `ConfigurationError` for lifetimes and windows that do not fit together, and
        for keys that do not suit the audience.
        """
        lifetimes, windows = lifetimes or Lifetimes(), windows or Windows()
        _require_fitting(lifetimes, windows)
        self.storage = storage
        self.issuer = issuer
        self._lifecycle = lifecycle = Lifecycle(development=development)
        counters = Counters()
        listeners: Listeners[Event] = Listeners()
        listeners.add(counters.count)
        storage = OpenStorage(storage, lifecycle, notify=listeners.tell)
        self.clock = clock
        self.trusted_proxy_hops = trusted_proxy_hops
        self._migrate = migrate
        passwords = passwords or Argon2Passwords()
        self._key_file = key_file
        self._key_looks = KeyLooks()
        self._codec = codec = Codec(
            keyring, issuer=issuer, audience=audience or issuer, look_again=self._look_again
        )
        self.feed: Feed = Feed(
            storage,
            poll=poll,
            max_staleness=max_staleness,
            access=lifetimes.access,
            wake_up=wake_up,
            require_open=lifecycle.require_open,
        )
        self.verified: VerifiedTokens = VerifiedTokens(token_cache_size)
        self._heartbeat = Heartbeat(windows.superseded)
        self._access = lifetimes.access
        self._parts = parts = Parts(
            storage=storage,
            clock=clock,
            random=random,
            new_id=new_id,
            passwords=passwords,
            policy=policy or PasswordPolicy(),
            lifetimes=lifetimes,
            windows=windows,
            codec=codec,
            watch=self.feed,
            verified=self.verified,
            doubt=self._doubt,
            notify=listeners.tell,
        )
        self._authenticate = parts.build(Authenticate)
        self.sign_up: SignUp = parts.build(SignUp)
        self.log_in: LogIn = parts.build(LogIn)
        self.renew: Renew = parts.build(Renew)
        self.log_out: LogOut = parts.build(LogOut)
        self.log_out_everywhere: LogOutEverywhere = parts.build(LogOutEverywhere)
        self.list_sessions: ListSessions = parts.build(ListSessions)
        self.end_session: EndSession = parts.build(EndSession)
        self.get_user: GetUser = parts.build(GetUser)
        self.update_profile: UpdateProfile = parts.build(UpdateProfile)
        self.set_roles: SetRoles = parts.build(SetRoles)
        self.disable: Disable = parts.build(Disable)
        self.enable: Enable = parts.build(Enable)
        self.prune: Prune = parts.build(Prune)
        self._observer = Observer(
            storage=self.storage,
            clock=clock,
            feed=self.feed,
            verified=self.verified,
            passwords=passwords,
            counters=counters,
            lifecycle=lifecycle,
        )
        self._background = Background(
            Chore(name="new keys", do=self.reload_keys, seconds=KEY_POLL_SECONDS),
            Chore(name="pruning", do=self.prune, seconds=PRUNE_SECONDS),
            Chore(name="heartbeat", do=self._heartbeat.beat, seconds=BEAT_SECONDS),
        )

    @classmethod
    def from_settings(cls, settings: Settings | None = None) -> Self:
        """Build one from settings, by default those of the environment.

        In development the data folder, its key file and its SQLite database are made on the
        first start. Raises `ConfigurationError`.
        """
        settings = settings or Settings.read()
        issuer = settings.issuer or settings.base_url
        storage = make_storage(settings)
        # Before the keys are read, so that no change falls between the two.
        key_file = key_file_watch(settings)
        return cls(
            storage=storage,
            keyring=load_keyring(settings),
            issuer=issuer,
            audience=settings.audience,
            passwords=Argon2Passwords(
                settings.argon2_cost,
                threads=settings.password_threads,
                max_waiting=settings.password_waiting,
            ),
            policy=PasswordPolicy(
                min_length=settings.password_min_length,
                context_words=frozenset({"tokenpair", urlsplit(settings.base_url).hostname or ""}),
            ),
            lifetimes=settings.lifetimes,
            windows=settings.windows,
            migrate=not settings.is_production,
            trusted_proxy_hops=settings.trusted_proxy_hops,
            key_file=key_file,
            wake_up=make_wake_up(settings),
            poll=settings.poll,
            max_staleness=timedelta(seconds=settings.max_staleness_seconds),
            token_cache_size=settings.token_cache_size,
            development=not settings.is_production,
        )

    @property
    def keyring(self) -> Keyring:
        """The keys of now."""
        return self._codec.keyring

    async def reload_keys(self) -> None:
        """Take up the keys of a key file that has changed; an open `Auth` does so by itself.

        Raises `ConfigurationError` as long as the file will not do; the keys stay as they were.
        """
        if self._key_file:
            await asyncio.to_thread(self._key_file.poll)
            self._use_latest(self._key_file)

    def _use_latest(self, key_file: KeyFileWatch) -> None:
        """Take up the keys that were read last, by this look or by one in another thread."""
        keyring = key_file.latest
        if keyring is None or keyring is self._codec.keyring:
            return
        self._codec.use(keyring)
        self.verified.clear()
        _log.info("the key file has been read again; %s signs", keyring.signing.kid)

    def _look_again(self, header: str) -> bool:
        """Look into the key file now, for a token of a key that another worker may know already.

        Return whether it can be told that there is no such key, if `header` is still unknown.
        """
        if self._key_file is None:
            return True
        if not self._key_looks.is_due(header, at=time.monotonic()):
            return self._key_looks.has_settled(header)
        try:
            self._key_file.poll()
        except ConfigurationError:
            return False  # The background task logs what is wrong with the file.
        self._use_latest(self._key_file)
        self._key_looks.settle()
        return True

    async def verify(self, token: str) -> AccessClaims | RefreshClaims:
        """Verify a token of either kind. Raises what the other two raise."""
        return await self._authenticate(token)

    async def verify_access(self, token: str, *, check_session: bool = False) -> AccessClaims:
        """Verify an access token against the time and the revocations.

        No I/O, unless this worker's copy of the revocations is old: then wait for a look, a second
        at most. With `check_session`, look into its session's row besides, for callers that must
        not tolerate that a log-out elsewhere takes a moment to become known here. Raises
        `InvalidToken`, `ExpiredToken`, `AccessTokenRequired`, `SessionEnded`, `StaleToken` and
        `Unavailable`.
        """
        if check_session:
            return await self._authenticate.access_of_row(token)
        return await self._authenticate.current_access(token)

    def verify_presented(self, credentials: bytes, read: Callable[[bytes], str]) -> AccessClaims:
        """Verify an access token in the form in which it came: for the hot path of an edge.

        `read` gets the token out of `credentials`, if they are not known to the byte. Raises what
        `verify_access` and `read` raise. After `Unavailable`, await `catch_up` and try once more.
        """
        return self._authenticate.presented(credentials, read)

    async def catch_up(self) -> None:
        """Where this worker's copy of the revocations is old, wait for a look: a second at most."""
        await self.feed.catch_up()

    def _doubt(self) -> str | None:
        """Say why no token may be called a replay now, if so: `flows.sessions.judge.Doubt`."""
        if self._heartbeat.stood_still():
            return "this worker stood still a moment ago"
        return None if self.feed.is_current() else "the revocations have not been read lately"

    async def verify_refresh(self, token: str) -> RefreshClaims:
        """Verify a refresh token against the time and its session's row, without renewing.

        It is accepted where a renewal would be, and in strict mode also if it has been renewed
        last. A replay ends the session. Raises `InvalidToken`, `ExpiredToken`,
        `RefreshTokenRequired`, `SessionEnded`, `TokenSuperseded` and `Unavailable`.
        """
        return await self._authenticate.refresh(token)

    async def open(self) -> None:
        """Connect, and migrate where that is allowed. Opening twice is fine."""
        await self.storage.open(migrate=self._migrate, access=self._access)
        await self.feed.start()
        self._heartbeat.start()
        self._background.start()
        self._lifecycle.open()

    async def close(self) -> None:
        """Let go of every connection."""
        self._lifecycle.close()
        self._heartbeat.stop()
        try:
            await self._background.stop()
            await self.feed.stop()
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

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()


def _require_fitting(lifetimes: Lifetimes, windows: Windows) -> None:
    spans = (
        lifetimes.access,
        lifetimes.idle,
        lifetimes.session,
        windows.repeat,
        windows.superseded,
    )
    # Added to a moment, a longer one may lead beyond the end of time.
    longest = timedelta(seconds=TEN_YEARS)
    if not all(timedelta(0) <= each <= longest for each in spans):
        raise ConfigurationError(
            f"every lifetime and window must be between 0 and {longest.days} days long"
        )
    if windows.repeat > windows.superseded:
        raise ConfigurationError(
            f"the repeat window ({PREFIX}REPEAT_WINDOW_SECONDS) must not be longer than the "
            f"superseded window ({PREFIX}SUPERSEDED_WINDOW_SECONDS)"
        )
    # A held token is given out again as it is: it must outlive the window and the access
    # token that comes with it, or an honest client would be left with a dead one.
    if lifetimes.idle <= windows.superseded + lifetimes.access:
        raise ConfigurationError(
            f"the idle lifetime ({PREFIX}REFRESH_IDLE_SECONDS) must be longer than the access "
            f"lifetime ({PREFIX}ACCESS_SECONDS) and the superseded window "
            f"({PREFIX}SUPERSEDED_WINDOW_SECONDS) together"
        )
