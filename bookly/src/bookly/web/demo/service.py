"""The demo: a second `Auth`, the sessions of its visitors, and the thief."""

import asyncio
import contextlib
import secrets
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bookly.web.demo.line import Holder
from bookly.web.demo.sessions import DemoSession, Entry, Theft
from tokenpair import (
    Argon2Cost,
    Argon2Passwords,
    Auth,
    Key,
    Keyring,
    Lifetimes,
    MailOptions,
    RenewalOutcome,
    Rules,
    TokenPair,
    Windows,
)
from tokenpair.errors import AuthError, NotFound, SessionEnded, TokenError
from tokenpair.events import RenewalAttempted
from tokenpair.stores.memory import MemoryStorage

ISSUER = "urn:bookly:demo"
EMAIL = "visitor@example.com"

RULES = Rules(
    lifetimes=Lifetimes(
        access=timedelta(seconds=30), idle=timedelta(minutes=10), session=timedelta(minutes=30)
    ),
    windows=Windows(repeat=timedelta(seconds=5), superseded=timedelta(seconds=10)),
    limits=False,
)
"""Times short enough to watch a theft being found out within two minutes."""

MAX_SESSIONS = 50
"""Number of sessions; one more ends the oldest. An `Auth` keeps as many for one user."""

# Its password is random, so a slow hash would protect nothing.
_CHEAP = Argon2Cost(memory_kib=8, time=1, parallelism=1)

_outcome: ContextVar["asyncio.Future[RenewalOutcome]"] = ContextVar("outcome of a demo renewal")


@dataclass(frozen=True, slots=True, kw_only=True)
class Renewal:
    """How a renewal ended. `pair` is None if it was refused; `error` says why."""

    entry: Entry
    pair: TokenPair | None
    error: AuthError | None


def make_auth(clock: Callable[[], datetime]) -> Auth:
    """Make the `Auth` of the demo: new keys, nothing stored, no mails."""
    return Auth(
        storage=MemoryStorage(),
        keyring=Keyring([Key.generate()]),
        issuer=ISSUER,
        passwords=Argon2Passwords(_CHEAP),
        rules=RULES,
        mail_options=MailOptions(is_on=False),
        clock=clock,
        development=True,
    )


@dataclass(slots=True)
class Demo:
    """All demo sessions. Each is known by the handle in its visitor's cookie."""

    auth: Auth
    sessions: dict[str, DemoSession] = field(default_factory=dict)
    _password: str = field(default_factory=secrets.token_urlsafe, repr=False)
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    _has_user: bool = False

    def __post_init__(self) -> None:
        self.auth.after(RenewalAttempted)(_tell_outcome)

    def find(self, handle: str | None) -> DemoSession | None:
        """Return a visitor's session; None if there is none, or it was dropped."""
        return self.sessions.get(handle or "")

    def get(self, handle: str | None) -> DemoSession:
        """Return a visitor's session. Raises `NotFound`."""
        if found := self.find(handle):
            return found
        raise NotFound("no such demo session")

    async def start(self) -> tuple[DemoSession, TokenPair]:
        """Open a session for a visitor."""
        await self._make_user()
        pair = await self.auth.log_in(email=EMAIL, password=self._password)
        now = self.auth.clock()
        session = DemoSession(
            handle=secrets.token_urlsafe(16),
            began=now,
            rotated=now,
            expires=now + RULES.lifetimes.session,
        )
        session.line.issue(pair.refresh_token, None, Holder.OWNER)
        self._drop_old(now)
        self.sessions[session.handle] = session
        return session, pair

    async def end(self, session: DemoSession | None, token: str | None) -> None:
        """Log the owner out. Do nothing for a token that is not ours."""
        if session:
            session.ended = session.ended or "logout"
        if token:
            with contextlib.suppress(TokenError):
                await self.auth.log_out(token)

    def forget(self, session: DemoSession | None) -> None:
        """Remove what is known about a session."""
        if session:
            self.sessions.pop(session.handle, None)

    async def renew(self, session: DemoSession, token: str, *, tab: int | None) -> Renewal:
        """Renew for the owner."""
        return await self._renew(session, token, holder=Holder.OWNER, tab=tab)

    def steal(self, session: DemoSession, token: str) -> Theft:
        """Copy the owner's token, and keep the copy for the thief. Raises `SessionEnded`."""
        dot = session.line.find(token)
        if session.ended or dot is None:
            raise SessionEnded("there is no token to steal")
        dot.holders.add(Holder.THIEF)
        session.theft = Theft(handle=secrets.token_urlsafe(16), at=self.auth.clock(), token=token)
        return session.theft

    async def renew_stolen(self, session: DemoSession, handle: str) -> Renewal:
        """Renew for the thief, who keeps the next token. Raises `NotFound`."""
        theft = session.theft
        if theft is None or not secrets.compare_digest(theft.handle.encode(), handle.encode()):
            raise NotFound("no such theft")
        renewal = await self._renew(session, theft.token, holder=Holder.THIEF, tab=None)
        if renewal.pair:
            theft.token = renewal.pair.refresh_token
        return renewal

    async def _renew(
        self, session: DemoSession, token: str, *, holder: Holder, tab: int | None
    ) -> Renewal:
        told = asyncio.get_running_loop().create_future()
        _outcome.set(told)
        pair, error = None, None
        try:
            pair = await self.auth.renew(token)
        except AuthError as exc:
            error = exc
        entry = session.note(
            await told,
            at=self.auth.clock(),
            holder=holder,
            tab=tab,
            presented=token,
            answered=pair.refresh_token if pair else None,
        )
        return Renewal(entry=entry, pair=pair, error=error)

    async def _make_user(self) -> None:
        async with self._lock:
            if not self._has_user:
                await self.auth.sign_up(email=EMAIL, password=self._password)
                self._has_user = True

    def _drop_old(self, now: datetime) -> None:
        for session in list(self.sessions.values()):
            if now >= session.expires:
                self.forget(session)
        while len(self.sessions) >= MAX_SESSIONS:
            self.forget(next(iter(self.sessions.values())))


async def _tell_outcome(event: RenewalAttempted) -> None:
    """Tell the renewal that this task was started by."""
    told = _outcome.get()
    if not told.done():
        told.set_result(event.outcome)
