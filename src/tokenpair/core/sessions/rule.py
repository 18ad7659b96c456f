"""The renewal rule: what a presented refresh token means for its session.

`judge` decides and `advance` moves on; both are pure. The SQL store carries the same rule out
in one statement, and the tests hold the two against each other.
"""

import hmac
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import Enum
from hashlib import sha256
from typing import Self
from uuid import UUID

from tokenpair.core.accounts.user import User
from tokenpair.core.tokens.claims import FullRefreshClaims


class Verdict(Enum):
    """What a presented refresh token means."""

    ADVANCE = "advance"  # Its turn has come: it becomes the head; answer with its child.
    HOLD = "hold"  # Its turn has come, but the head is young: answer with itself again.
    REPEAT = "repeat"  # It is the head: answer with a child of it.
    SUPERSEDED = "superseded"  # It has just been overtaken: no token, and nothing ends.
    REPLAY = "replay"  # The session has moved past it: somebody holds a copy.
    ENDED = "ended"  # There is no such session any more.


class EndReason(Enum):
    """Why a session ended."""

    LOGOUT = "logout"
    LOGOUT_ALL = "logout_all"
    ENDED_BY_USER = "ended_by_user"
    REPLAY = "replay"
    TOO_MANY_SESSIONS = "too_many_sessions"
    USER_DISABLED = "user_disabled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Windows:
    """How much haste the rule forgives.

    `repeat`: for so long after a renewal, the same token gets the identical child.
    `superseded`: for so long a session rotates at most once, and the token just overtaken is
    no theft; longer than any request can be in flight.
    `strict`: forgive nothing. Every renewal rotates, and every older token is a replay.
    """

    repeat: timedelta = timedelta(seconds=10)
    superseded: timedelta = timedelta(seconds=120)
    strict: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One log-in on one device. It holds no secret: an endpoint may return it.

    `seen_at` is the time of the last renewal or, before the first, of the log-in.
    """

    id: UUID
    user_id: UUID
    authenticated_at: datetime
    created_at: datetime
    seen_at: datetime
    expires_at: datetime
    ended_at: datetime | None = None
    end_reason: EndReason | None = None
    user_agent: str | None = None
    ip: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredSession:
    """A session as a storage keeps it, with what the renewal rule needs: one row for its life.

    `head` is the id of the refresh token that the session last accepted, `previous` that
    token's parent, `generation` its generation. `secret_hash` is the SHA-256 of 128 random bits
    that only the tokens carry.
    """

    id: UUID
    user_id: UUID
    secret_hash: bytes = field(repr=False)
    head: str
    previous: str | None = None
    generation: int = 0
    rotated_at: datetime
    authenticated_at: datetime
    created_at: datetime
    seen_at: datetime
    expires_at: datetime
    ended_at: datetime | None = None
    end_reason: EndReason | None = None
    user_agent: str | None = None
    ip: str | None = None

    def is_live(self, now: datetime) -> bool:
        """Has it neither been ended nor outlived its time?"""
        return self.ended_at is None and now < self.expires_at

    def recognises(self, token: FullRefreshClaims) -> bool:
        """Was the token made for this session, by one who knew its secret?"""
        return _recognises(self.id, self.user_id, self.secret_hash, token)

    @property
    def public(self) -> Session:
        """The session without what only the renewal rule needs."""
        return Session(
            id=self.id,
            user_id=self.user_id,
            authenticated_at=self.authenticated_at,
            created_at=self.created_at,
            seen_at=self.seen_at,
            expires_at=self.expires_at,
            ended_at=self.ended_at,
            end_reason=self.end_reason,
            user_agent=self.user_agent,
            ip=self.ip,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionState:
    """A live session as a token sees it: what a check needs, and a new token is minted from.

    Roles and version are the user's of now, so a renewed token carries the roles of now.
    """

    session_id: UUID
    user_id: UUID
    secret_hash: bytes = field(repr=False)
    head: str
    rotated_at: datetime
    expires_at: datetime
    authenticated_at: datetime
    roles: frozenset[str]
    version: int

    def recognises(self, token: FullRefreshClaims) -> bool:
        """Was the token made for this session, by one who knew its secret?"""
        return _recognises(self.session_id, self.user_id, self.secret_hash, token)

    def accepts(self, token: FullRefreshClaims) -> bool:
        """Is the token the session's head, or a child of it? Then `judge_unrenewed` accepts it."""
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
            roles=user.roles,
            version=user.version,
        )


def hash_secret(secret: bytes) -> bytes:
    """Give what the row keeps of a session's secret.

    A plain hash is enough for 128 random bits (OWASP ASVS 5.0, 6.5.2).
    """
    return sha256(secret).digest()


def judge(
    session: StoredSession, token: FullRefreshClaims, now: datetime, windows: Windows
) -> Verdict:
    """Say what `token` means for `session` at `now`.

    The token has been verified: signature, kind, "iss", "aud" and "exp". That the user may
    still log in is the caller's to check.
    """
    if not session.is_live(now) or not session.recognises(token):
        return Verdict.ENDED
    young = now - session.rotated_at <= windows.superseded and not windows.strict

    # Only we can have signed a token so far ahead: the row lost its last writes, in a crash
    # or a fail-over.
    if token.generation > session.generation + 1:
        return Verdict.ADVANCE
    if token.generation == session.generation + 1 and token.parent == session.head:
        # Rotating at most once per window keeps a late copy of an earlier request from
        # looking like a theft.
        return Verdict.HOLD if young else Verdict.ADVANCE
    if windows.strict:
        return Verdict.REPLAY
    if token.generation == session.generation and token.token_id == session.head:
        return Verdict.REPEAT
    # Only the head's own parent, not every older token: a thief who renews every two minutes
    # would otherwise keep the owner here for ever, and never be found out.
    if token.token_id == session.previous and young:
        return Verdict.SUPERSEDED
    return Verdict.REPLAY


def judge_unrenewed(
    session: StoredSession, token: FullRefreshClaims, now: datetime, windows: Windows
) -> Verdict:
    """Say what `token` means where it is shown, but not renewed: as `judge`, with one exception.

    The head is accepted in strict mode, too: to show it again is no second renewal.
    """
    if session.is_live(now) and session.recognises(token) and token.token_id == session.head:
        return Verdict.REPEAT
    return judge(session, token, now, windows)


def advance(session: StoredSession, token: FullRefreshClaims, now: datetime) -> StoredSession:
    """Move on: `token` becomes the head."""
    return replace(
        session,
        head=token.token_id,
        # The token's parent, not the old head: they differ after lost writes, and then the
        # old head would raise a false alarm.
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
