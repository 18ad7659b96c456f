"""The renewal rule: what a presented refresh token means for its session.

`judge` decides and `advance` computes the session's next state; both are pure functions. The SQL
storage applies the same rule in one statement, and the tests compare the two.
"""

import hmac
from dataclasses import dataclass, field, fields, replace
from datetime import datetime, timedelta
from enum import Enum
from hashlib import sha256
from typing import Self
from uuid import UUID

from tokenpair.core.accounts.user import User
from tokenpair.core.tokens.claims import FullRefreshClaims

SESSION_KEPT = timedelta(days=1)
"""Time that a session is kept after it is over: longer than any clock is wrong, and long enough
for an operator to ask why it ended."""


class Verdict(Enum):
    """What a presented refresh token means."""

    ADVANCE = "advance"  # The next token, and it is due: it becomes the head. Answer: its child.
    HOLD = "hold"  # The next token, but the head is recent. Answer: the same token again.
    REPEAT = "repeat"  # The head itself. Answer: its child.
    SUPERSEDED = "superseded"  # The head's parent, just replaced. No token, and nothing ends.
    REPLAY = "replay"  # An older token: two parties hold copies. The session ends.
    ENDED = "ended"  # The session has ended or expired, or the token was not made for it.


class EndReason(Enum):
    """Why a session ended."""

    LOGOUT = "logout"
    LOGOUT_ALL = "logout_all"
    ENDED_BY_USER = "ended_by_user"
    REPLAY = "replay"
    TOO_MANY_SESSIONS = "too_many_sessions"
    USER_DISABLED = "user_disabled"
    PASSWORD_CHANGED = "password_changed"  # noqa: S105  A reason.
    ADDRESS_CHANGED = "address_changed"
    USER_DELETED = "user_deleted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Windows:
    """How long the rule tolerates retries and parallel renewals.

    `repeat`: how long after a renewal the same token gets the identical child.
    `superseded`: the shortest time between two rotations of a session, and how long the token
    that was just replaced is no theft. Longer than any request can be in flight.
    `strict`: tolerate nothing. Every renewal rotates, and every older token is a replay.
    """

    repeat: timedelta = timedelta(seconds=10)
    superseded: timedelta = timedelta(seconds=120)
    strict: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One log-in on one device. It holds no secret: an endpoint may return it.

    `seen_at` is the time of the last renewal or, before the first, of the log-in. `amr` lists how
    the user authenticated, by the names of RFC 8176, such as "pwd"; it is empty for sessions
    that are older than this field.
    """

    id: UUID
    user_id: UUID
    authenticated_at: datetime
    amr: frozenset[str] = frozenset()
    created_at: datetime
    seen_at: datetime
    expires_at: datetime
    ended_at: datetime | None = None
    end_reason: EndReason | None = None
    user_agent: str | None = None
    ip: str | None = None


_PUBLIC_FIELDS = tuple(each.name for each in fields(Session))


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredSession(Session):
    """A session as a storage keeps it, with what the renewal rule needs: one row for its life.

    `head` is the id of the refresh token that the session last accepted, `generation` that
    token's generation, and `previous` its parent. `rotated_at` is when it was accepted.
    `secret_hash` is the SHA-256 of 128 random bits that only the tokens carry.
    """

    secret_hash: bytes = field(repr=False)
    head: str
    previous: str | None = None
    generation: int = 0
    rotated_at: datetime

    def is_live(self, now: datetime) -> bool:
        """Has it neither been ended nor expired?"""
        return self.ended_at is None and now < self.expires_at

    def recognises(self, token: FullRefreshClaims) -> bool:
        """Was the token made for this session, by an issuer who knew its secret?"""
        return _recognises(self.id, self.user_id, self.secret_hash, token)

    @property
    def public(self) -> Session:
        """The session without what only the renewal rule needs."""
        return Session(**{name: getattr(self, name) for name in _PUBLIC_FIELDS})


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionState:
    """A live session and its user: what a new token is minted from, and a token checked against.

    Roles, version and whether the address is verified are the user's current ones, so a renewed
    token carries the current ones.
    """

    session_id: UUID
    user_id: UUID
    secret_hash: bytes = field(repr=False)
    head: str
    rotated_at: datetime
    expires_at: datetime
    authenticated_at: datetime
    amr: frozenset[str]
    roles: frozenset[str]
    version: int
    email_verified: bool

    def recognises(self, token: FullRefreshClaims) -> bool:
        """Was the token made for this session, by an issuer who knew its secret?"""
        return _recognises(self.session_id, self.user_id, self.secret_hash, token)

    def accepts(self, token: FullRefreshClaims) -> bool:
        """Is the token the session's head, or a child of it? `judge_unrenewed` accepts both."""
        return self.head in {token.token_id, token.parent}

    @classmethod
    def of(cls, session: StoredSession, user: User) -> Self:
        """Join a session with its user."""
        return cls(
            session_id=session.id,
            user_id=user.id,
            secret_hash=session.secret_hash,
            head=session.head,
            rotated_at=session.rotated_at,
            expires_at=session.expires_at,
            authenticated_at=session.authenticated_at,
            amr=session.amr,
            roles=user.roles,
            version=user.version,
            email_verified=user.email_verified_at is not None,
        )


def hash_secret(secret: bytes) -> bytes:
    """Return what the row keeps of a session's secret.

    A plain hash is enough for 128 random bits (OWASP ASVS 5.0, 6.5.2).
    """
    return sha256(secret).digest()


def judge(
    session: StoredSession, token: FullRefreshClaims, now: datetime, windows: Windows
) -> Verdict:
    """Return what `token` means for `session` at `now`.

    The token has been verified: signature, kind, "iss", "aud" and "exp". The caller checks that
    the user is enabled.
    """
    if not session.is_live(now) or not session.recognises(token):
        return Verdict.ENDED
    is_recent = now - session.rotated_at <= windows.superseded and not windows.strict

    # Only we can have signed a token so far ahead: the row lost its last writes in a crash or a
    # fail-over.
    if token.generation > session.generation + 1:
        return Verdict.ADVANCE
    if token.generation == session.generation + 1 and token.parent == session.head:
        # A session rotates at most once per window. Otherwise a late copy of an earlier request
        # would look like a theft.
        return Verdict.HOLD if is_recent else Verdict.ADVANCE
    if windows.strict:
        return Verdict.REPLAY
    if token.generation == session.generation and token.token_id == session.head:
        return Verdict.REPEAT
    # Only the head's own parent, not every older token. Otherwise a thief who renews every two
    # minutes would keep the owner here for ever, and would never be detected.
    if token.token_id == session.previous and is_recent:
        return Verdict.SUPERSEDED
    return Verdict.REPLAY


def judge_unrenewed(
    session: StoredSession, token: FullRefreshClaims, now: datetime, windows: Windows
) -> Verdict:
    """Return what `token` means where it is presented but not renewed.

    As `judge`, but the head is accepted in strict mode too: to present it again is not a second
    renewal.
    """
    if session.is_live(now) and session.recognises(token) and token.token_id == session.head:
        return Verdict.REPEAT
    return judge(session, token, now, windows)


def advance(session: StoredSession, token: FullRefreshClaims, now: datetime) -> StoredSession:
    """Return the session with `token` as its head."""
    return replace(
        session,
        head=token.token_id,
        # The token's parent, not the old head. They differ after lost writes, and then the old
        # head would raise a false alarm.
        previous=token.parent,
        generation=token.generation,
        rotated_at=now,
        seen_at=now,
    )


def _recognises(
    session_id: UUID, user_id: UUID, secret_hash: bytes, token: FullRefreshClaims
) -> bool:
    return (
        token.session_id == session_id
        and token.subject == user_id
        and hmac.compare_digest(hash_secret(token.secret), secret_hash)
    )
